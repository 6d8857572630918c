package io.coppice.cli.server;

import io.coppice.cli.BuildInfo;
import io.coppice.cli.Session;
import io.coppice.cli.output.CommandFailure;
import io.coppice.cli.output.ExitCode;
import io.coppice.common.config.CoppiceConfig;
import io.coppice.common.error.StorageException;
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
import io.coppice.compute.endpoint.Standby;
import io.coppice.compute.postgres.ReachableDirectory;
import io.coppice.compute.storage.PageserverClient;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * An endpoint lives in a process of its own, the supervisor, which holds the proposer and starts
 * Postgres. One side of this class starts that process and waits until it is ready; the other is
 * that process.
 */
public final class EndpointSupervisor {
  private static final String LOG_FILE = "supervisor.log";

  private static final FileAttribute<?> LOG_PERMISSIONS =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-r--r--"));

  /** What a supervisor says on standard output, before the id of its timeline. */
  private static final String RUNNING = "running ";

  /** What every command says before the reason why it failed. */
  private static final String FAILED = "coppice: ";

  private static final int LOG_LINES_SHOWN = 12;

  /** Half of it is for the quorum to confirm the last WAL. */
  private static final long STOP_LIMIT_MILLIS = 60_000;

  private EndpointSupervisor() {}

  /**
   * What to start.
   *
   * @param tenant name or id; empty means the only one
   * @param branch name or id
   * @param port to listen on; empty takes a free one
   * @param endWith a process whose end is also the end of the endpoint
   */
  public record Request(
      Optional<String> tenant,
      String branch,
      OptionalInt port,
      Optional<Path> pgBin,
      Optional<Long> endWith) {}

  /**
   * Starts a supervisor in the background and waits until its Postgres takes connections. Whether
   * there is such a branch is for the supervisor to find out: every call that is made here first
   * would make the start longer.
   *
   * @param config with the addresses where servers in fact are
   */
  public static EndpointState spawn(CoppiceConfig config, Request request, Clock clock)
      throws StorageException, CommandFailure, IOException, InterruptedException {
    Path directory = config.dataDir().resolve("endpoints");
    ReachableDirectory.createPassable(directory);
    Path log = Files.createTempFile(directory, "starting-", ".log", LOG_PERMISSIONS);
    List<String> arguments = arguments(config, request);
    arguments.addAll(List.of("--log", log.toString()));
    Process process = SelfCommand.startTalking(arguments, log);
    EndpointRegistry registry = new EndpointRegistry(config.dataDir(), clock);
    long timeoutMillis = 3 * config.endpoint().startTimeout().toMillis();
    BufferedReader output = process.inputReader(StandardCharsets.UTF_8);
    FutureTask<Optional<String>> word =
        new FutureTask<>(() ->
            // The JVM itself may have something to say first.
            output.lines().filter(line -> line.startsWith(RUNNING)).findFirst());
    Thread.ofVirtual().name("supervisor's word").start(word);
    try {
      Optional<String> said = word.get(timeoutMillis, TimeUnit.MILLISECONDS);
      if (said.isPresent()) {
        TimelineId timeline = TimelineId.parse(said.get().substring(RUNNING.length()));
        return registry
            .find(timeline)
            .orElseThrow(() -> new IllegalStateException("no state of " + timeline));
      }
      if (!process.waitFor(STOP_LIMIT_MILLIS, TimeUnit.MILLISECONDS)) {
        process.destroyForcibly().waitFor();
      }
      throw failure(registry, process, log);
    } catch (TimeoutException _) {
      process.destroy();
      throw new CommandFailure(
          ExitCode.TIMED_OUT,
          "Postgres did not start within %d s; its supervisor's log is %s"
              .formatted(timeoutMillis / 1_000, log));
    } catch (ExecutionException e) {
      throw new IOException("cannot read what the supervisor says", e.getCause());
    }
  }

  /** The state of the endpoint has the reason, if it came so far; else the log. */
  private static CommandFailure failure(EndpointRegistry registry, Process process, Path log)
      throws StorageException, IOException {
    ExitCode code = ExitCode.INTERNAL;
    for (ExitCode candidate : ExitCode.values()) {
      if (candidate.number() == process.exitValue() && candidate != ExitCode.OK) {
        code = candidate;
      }
    }
    Optional<EndpointState> state =
        registry.list().stream()
            .filter(found -> found.supervisor().pid() == process.pid())
            .filter(found -> !found.reason().isEmpty())
            .findFirst();
    if (state.isPresent()) {
      keepLog(log, state.get());
      return new CommandFailure(code, "the endpoint did not start: " + state.get().reason());
    }
    List<String> lines = Files.readAllLines(log);
    Files.delete(log);
    return lines.isEmpty()
        ? new CommandFailure(code, "the endpoint did not start")
        : new CommandFailure(code, reason(lines));
  }

  /** What it said at last, as other commands say it; or all that there is. */
  private static String reason(List<String> lines) {
    return lines.reversed().stream()
        .filter(line -> line.startsWith(FAILED))
        .findFirst()
        .map(line -> line.substring(FAILED.length()))
        .orElse(
            "the endpoint did not start: "
                + String.join(
                    "\n",
                    lines.subList(Math.max(0, lines.size() - LOG_LINES_SHOWN), lines.size())));
  }

  /** Puts the log of the newest start where the endpoint's files are, if it is not there yet. */
  private static void keepLog(Path log, EndpointState state) throws IOException {
    if (Files.exists(log)) {
      Files.move(
          log,
          log.resolveSibling(state.timeline().toString()).resolve(LOG_FILE),
          StandardCopyOption.REPLACE_EXISTING);
    }
  }

  private static List<String> arguments(CoppiceConfig config, Request request) {
    List<String> arguments =
        new ArrayList<>(
            List.of(
                "endpoint",
                "run",
                request.branch(),
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
    request.tenant().ifPresent(tenant -> arguments.addAll(List.of("--tenant", tenant)));
    request.port().ifPresent(port -> arguments.addAll(List.of("--port", Integer.toString(port))));
    request
        .pgBin()
        .or(() -> config.endpoint().pgBin())
        .ifPresent(bin -> arguments.addAll(List.of("--pg-bin", bin.toString())));
    request.endWith().ifPresent(pid -> arguments.addAll(List.of("--end-with", pid.toString())));
    return arguments;
  }

  /** Brings an endpoint up within the process of its supervisor. */
  private interface Start {
    Endpoint start(EndpointSpec spec) throws StorageException, InterruptedException;
  }

  /** Tells that it is up. */
  private interface Word {
    void say(Endpoint endpoint) throws IOException;
  }

  /**
   * Is the supervisor; returns the exit code when the endpoint has ended. Says one line on standard
   * output, once Postgres takes connections.
   *
   * @param log that this process writes; gets its place once it is known whose it is
   */
  public static int run(Session session, Request request, Optional<Path> log)
      throws StorageException, CommandFailure, IOException, InterruptedException {
    return supervise(
        session,
        request,
        Endpoint::start,
        endpoint -> {
          if (log.isPresent()) {
            keepLog(log.get(), endpoint.state());
          }
          session.output().print(RUNNING + endpoint.state().timeline() + "\n");
        });
  }

  /**
   * Waits until the branch has no endpoint, and then is the supervisor of one. Says how to connect
   * on standard output, once Postgres takes connections.
   *
   * @param patience how long the branch has to be without
   */
  public static int standBy(Session session, Request request, Duration patience)
      throws StorageException, CommandFailure, IOException, InterruptedException {
    return supervise(
        session,
        request,
        spec -> awaitAndStart(session, spec, patience.toMillis()),
        endpoint -> {
          session.output().message("took " + endpoint.durations());
          session.output().print(endpoint.connectionString("postgres") + "\n");
        });
  }

  private static Endpoint awaitAndStart(Session session, EndpointSpec spec, long patienceMillis)
      throws StorageException, InterruptedException {
    Standby standby = Standby.prepare(spec, patienceMillis);
    Shutdown waiting = Shutdown.onSignal(session.output(), STOP_LIMIT_MILLIS, () -> {});
    session
        .output()
        .message(
            "stands by for branch %s, takes it over when it has no endpoint for %d ms"
                .formatted(standby.branch().name(), patienceMillis));
    Endpoint endpoint = standby.awaitAndStart();
    waiting.finished();
    return endpoint;
  }

  private static int supervise(Session session, Request request, Start start, Word word)
      throws StorageException, CommandFailure, IOException, InterruptedException {
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
        PageserverClient client = PageserverClient.open(config.cluster().pageserver())) {
      EndpointSpec defaults =
          EndpointSpec.of(
              client,
              config.cluster().safekeepers(),
              session.tenant(client).id(),
              request.branch(),
              config.dataDir());
      EndpointSpec spec =
          defaults
              .withPort(request.port())
              .withPostgres(request.pgBin().or(() -> config.endpoint().pgBin()), Optional.empty())
              .withTimeouts(
                  config.endpoint().startTimeout().toMillis(), defaults.stopTimeoutMillis())
              .withStatusAddress(
                  new HostPort(config.endpoint().statusListen().host(), status.port()));
      Shutdown.endWith(request.endWith());
      Endpoint endpoint = start.start(spec);
      endpoint.measure(metrics.registry());
      running.set(endpoint);
      word.say(endpoint);
      Shutdown shutdown =
          Shutdown.onSignal(session.output(), STOP_LIMIT_MILLIS, () -> stop(session, endpoint));
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
    return running == null ? Optional.of("no endpoint runs here yet") : running.notReady();
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
