package io.coppice.cli.server;

import io.coppice.cli.BuildInfo;
import io.coppice.cli.Session;
import io.coppice.cli.output.CommandFailure;
import io.coppice.cli.output.ExitCode;
import io.coppice.common.config.CoppiceConfig;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.metrics.Metrics;
import io.coppice.common.metrics.StatusServer;
import io.coppice.common.platform.Clock;
import io.coppice.common.rpc.HostPort;
import io.coppice.compute.endpoint.Endpoint;
import io.coppice.compute.endpoint.EndpointOutcome;
import io.coppice.compute.endpoint.EndpointRegistry;
import io.coppice.compute.endpoint.EndpointSpec;
import io.coppice.compute.endpoint.EndpointState;
import io.coppice.compute.endpoint.EndpointStatus;
import io.coppice.compute.storage.PageserverClient;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * An endpoint lives in a process of its own, the supervisor, which holds the proposer and starts
 * Postgres. One side of this class starts that process and waits until it is ready; the other is
 * that process.
 */
public final class EndpointSupervisor {
  private static final long POLL_MILLIS = 50;
  private static final int LOG_LINES_SHOWN = 12;

  /** Half of it is for the quorum to confirm the last WAL. */
  private static final long STOP_LIMIT_MILLIS = 60_000;

  private EndpointSupervisor() {}

  /**
   * What to start.
   *
   * @param port to listen on; empty takes a free one
   * @param endWith a process whose end is also the end of the endpoint
   */
  public record Request(
      TenantId tenant,
      TimelineId timeline,
      OptionalInt port,
      Optional<Path> pgBin,
      Optional<Long> endWith) {}

  /**
   * Starts a supervisor in the background and waits until its Postgres takes connections.
   *
   * @param config with the addresses where servers in fact are
   */
  public static EndpointState spawn(CoppiceConfig config, Request request, Clock clock)
      throws StorageException, CommandFailure, IOException, InterruptedException {
    Path directory =
        Files.createDirectories(
            config.dataDir().resolve("endpoints").resolve(request.timeline().toString()));
    Path log = directory.resolve("supervisor.log");
    Files.deleteIfExists(log);
    Process process = SelfCommand.start(arguments(config, request), log, true);
    EndpointRegistry registry = new EndpointRegistry(config.dataDir(), clock);
    long timeoutMillis = 3 * config.endpoint().startTimeout().toMillis();
    long deadline = clock.monotonicMillis() + timeoutMillis;
    while (clock.monotonicMillis() < deadline) {
      boolean ended = process.waitFor(POLL_MILLIS, TimeUnit.MILLISECONDS);
      Optional<EndpointState> state =
          registry
              .find(request.timeline())
              .filter(found -> found.supervisor().pid() == process.pid());
      if (state.isPresent() && state.get().status() == EndpointStatus.RUNNING) {
        return state.get();
      }
      if (ended) {
        throw failure(state, process.exitValue(), log);
      }
    }
    process.destroy();
    throw new CommandFailure(
        ExitCode.TIMED_OUT,
        "Postgres did not start within %d s; its supervisor's log is %s"
            .formatted(timeoutMillis / 1_000, log));
  }

  private static CommandFailure failure(Optional<EndpointState> state, int exitCode, Path log)
      throws IOException {
    ExitCode code = ExitCode.INTERNAL;
    for (ExitCode candidate : ExitCode.values()) {
      if (candidate.number() == exitCode && candidate != ExitCode.OK) {
        code = candidate;
      }
    }
    String reason = state.map(EndpointState::reason).orElse("");
    if (reason.isEmpty()) {
      List<String> lines = Files.readAllLines(log);
      reason =
          String.join(
              "\n", lines.subList(Math.max(0, lines.size() - LOG_LINES_SHOWN), lines.size()));
    }
    return new CommandFailure(
        code, "the endpoint did not start: " + reason.replaceFirst("^coppice: ", ""));
  }

  private static List<String> arguments(CoppiceConfig config, Request request) {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "endpoint",
                "run",
                request.timeline().toString(),
                "--tenant-id",
                request.tenant().toString(),
                "--data-dir",
                config.dataDir().toString(),
                "--set",
                "cluster.pageserver=" + config.cluster().pageserver(),
                "--set",
                "cluster.safekeepers="
                    + String.join(
                        ",",
                        config.cluster().safekeepers().stream().map(HostPort::toString).toList()),
                "--set",
                "endpoint.start_timeout=%dms"
                    .formatted(config.endpoint().startTimeout().toMillis()),
                "--set",
                "endpoint.status_listen=" + config.endpoint().statusListen(),
                "--set",
                "log.level=" + config.logLevel().name(),
                "--set",
                "log.format=" + config.logFormat().name()));
    request.port().ifPresent(port -> arguments.addAll(List.of("--port", Integer.toString(port))));
    request
        .pgBin()
        .or(() -> config.endpoint().pgBin())
        .ifPresent(bin -> arguments.addAll(List.of("--pg-bin", bin.toString())));
    request.endWith().ifPresent(pid -> arguments.addAll(List.of("--end-with", pid.toString())));
    return arguments;
  }

  /** Is the supervisor; returns the exit code when the endpoint has ended. */
  public static int run(Session session, Request request)
      throws StorageException, IOException, InterruptedException {
    CoppiceConfig config = session.configOfRunning();
    ServerLog.set(config.logLevel(), config.logFormat());
    AtomicReference<Endpoint> running = new AtomicReference<>();
    try (Metrics metrics = BuildInfo.load().addTo(new Metrics());
        StatusServer status =
            StatusServer.start(
                config.endpoint().statusListen(),
                metrics,
                () -> notReady(running.get()),
                () -> status(running.get()));
        PageserverClient client = session.pageserver()) {
      EndpointSpec defaults =
          EndpointSpec.of(
              client,
              config.cluster().safekeepers(),
              request.tenant(),
              request.timeline().toString(),
              config.dataDir());
      EndpointSpec spec =
          defaults
              .withPort(request.port())
              .withPostgres(request.pgBin().or(() -> config.endpoint().pgBin()), Optional.empty())
              .withTimeouts(
                  config.endpoint().startTimeout().toMillis(), defaults.stopTimeoutMillis())
              .withStatusAddress(
                  new HostPort(config.endpoint().statusListen().host(), status.port()));
      Endpoint endpoint = Endpoint.start(spec);
      endpoint.measure(metrics.registry());
      running.set(endpoint);
      Shutdown shutdown =
          Shutdown.onSignal(session.output(), STOP_LIMIT_MILLIS, () -> stop(session, endpoint));
      Shutdown.endWith(request.endWith());
      EndpointOutcome outcome = endpoint.awaitStopped();
      shutdown.finished();
      session.output().message("ended: " + outcome.reason());
      return switch (outcome.status()) {
        case STOPPED -> ExitCode.OK.number();
        case FENCED -> ExitCode.CONFLICT.number();
        case STARTING, RUNNING, FAILED -> ExitCode.INTERNAL.number();
      };
    }
  }

  private static Optional<String> notReady(@Nullable Endpoint running) {
    return running == null ? Optional.of("the endpoint is starting") : running.notReady();
  }

  private static Map<String, Object> status(@Nullable Endpoint running) {
    BuildInfo build = BuildInfo.load();
    Map<String, Object> status = new LinkedHashMap<>();
    status.put("version", build.version());
    status.put("commit", build.commit());
    status.put("pid", ProcessHandle.current().pid());
    if (running != null) {
      EndpointState state = running.state();
      status.put("started_at", state.startedAt().toString());
      status.put("tenant_id", state.tenant().toString());
      status.put("timeline_id", state.timeline().toString());
      status.put("branch", state.branch());
      status.put("port", state.port());
      status.put("term", state.term());
    }
    return status;
  }

  private static void stop(Session session, Endpoint endpoint) throws InterruptedException {
    session.output().message("ended: " + endpoint.stop().reason());
  }
}
