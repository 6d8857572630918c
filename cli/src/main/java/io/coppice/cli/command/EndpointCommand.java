package io.coppice.cli.command;

import io.coppice.cli.Session;
import io.coppice.cli.output.Column;
import io.coppice.cli.output.CommandFailure;
import io.coppice.cli.output.ExitCode;
import io.coppice.cli.output.Texts;
import io.coppice.cli.server.EndpointSupervisor;
import io.coppice.cli.server.EndpointSupervisor.Request;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.TimelineId;
import io.coppice.common.rpc.HostPort;
import io.coppice.compute.endpoint.EndpointRegistry;
import io.coppice.compute.endpoint.EndpointState;
import io.coppice.compute.storage.PageserverClient;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code coppice endpoint}. */
@Command(
    name = "endpoint",
    aliases = "endpoints",
    description = "Endpoints: a stock PostgreSQL on a branch, on this machine.")
public final class EndpointCommand extends Noun {
  private static final long STOP_TIMEOUT_MILLIS = 45_000;

  private static final List<Column<EndpointState>> COLUMNS =
      List.of(
          Column.of("branch", EndpointState::branch),
          Column.of("status", state -> state.status().toString()),
          Column.of("port", EndpointState::port),
          Column.of("pid", EndpointState::postmasterPid),
          Column.of("term", EndpointState::term),
          Column.of("start_lsn", state -> state.startLsn().toString()),
          Column.of("started_at", state -> Texts.time(state.startedAt())),
          Column.of(
              "status_address", state -> state.statusAddress().map(HostPort::toString).orElse("")),
          Column.of("log", state -> state.logPath().toString()),
          Column.of("reason", EndpointState::reason));

  public EndpointCommand(Session session) {
    super(session);
  }

  private EndpointRegistry registry() throws StorageException {
    return new EndpointRegistry(session().config().dataDir(), session().clock());
  }

  @Command(
      name = "start",
      description = {
        "Starts Postgres on a branch and prints how to connect.",
        "Waits until it takes connections. Takes the branch over from an endpoint that runs on it."
      })
  void start(
      @Parameters(paramLabel = "BRANCH", description = "Name or id.") String branch,
      @Option(names = "--port", paramLabel = "P", description = "To listen on; else a free one.")
          @Nullable Integer port,
      @Option(names = "--pg-bin", paramLabel = "DIR", description = "Directory of postgres.")
          @Nullable Path pgBin)
      throws StorageException, CommandFailure, IOException, InterruptedException {
    output().message("starting Postgres on branch %s ...".formatted(branch));
    EndpointState state =
        EndpointSupervisor.spawn(
            session().configOfRunning(), request(branch, port, pgBin, null), session().clock());
    output().message("took " + state.durations());
    if (output().isJson()) {
      output().one(COLUMNS, state);
    } else {
      output().print(state.connectionString("postgres") + "\n");
    }
  }

  private Request request(
      String branch, @Nullable Integer port, @Nullable Path pgBin, @Nullable Long endWith) {
    return new Request(
        session().namedTenant(),
        branch,
        port == null ? OptionalInt.empty() : OptionalInt.of(port),
        Optional.ofNullable(pgBin).map(Path::toAbsolutePath),
        Optional.ofNullable(endWith));
  }

  @Command(name = "stop", description = "Stops the endpoint of a branch.")
  void stop(@Parameters(paramLabel = "BRANCH", description = "Name or id.") String branch)
      throws StorageException, CommandFailure, InterruptedException {
    EndpointState state = find(session(), branch);
    if (state.status().isFinal()) {
      output().message("the endpoint of branch %s is not running".formatted(state.branch()));
      registry().stop(state, STOP_TIMEOUT_MILLIS);
      return;
    }
    registry().stop(state, STOP_TIMEOUT_MILLIS);
    output().message("stopped the endpoint of branch " + state.branch());
  }

  @Command(name = "list", description = "Shows the endpoints of this machine.")
  void list() throws StorageException {
    output().list(COLUMNS, registry().list());
  }

  @Command(
      name = "standby",
      description = {
        "Waits, and takes the branch over when its endpoint is lost or ends.",
        "Then it is the endpoint, until it is stopped. Prints how to connect once it is."
      })
  int standby(
      @Parameters(paramLabel = "BRANCH", description = "Name or id.") String branch,
      @Option(names = "--port", paramLabel = "P", description = "To listen on; else a free one.")
          @Nullable Integer port,
      @Option(names = "--pg-bin", paramLabel = "DIR", description = "Directory of postgres.")
          @Nullable Path pgBin,
      @Option(
              names = "--after",
              paramLabel = "DURATION",
              defaultValue = "500ms",
              description = "Without an endpoint for so long (default: ${DEFAULT-VALUE}).")
          Duration after,
      @Option(names = "--end-with", paramLabel = "PID", hidden = true) @Nullable Long endWith)
      throws StorageException, CommandFailure, IOException, InterruptedException {
    return EndpointSupervisor.standBy(session(), request(branch, port, pgBin, endWith), after);
  }

  /** What {@code start} runs in the background. */
  @Command(name = "run", hidden = true, description = "Starts Postgres and stays with it.")
  int run(
      @Parameters(paramLabel = "BRANCH") String branch,
      @Option(names = "--port") @Nullable Integer port,
      @Option(names = "--pg-bin") @Nullable Path pgBin,
      @Option(names = "--log") @Nullable Path log,
      @Option(names = "--end-with", paramLabel = "PID") @Nullable Long endWith)
      throws StorageException, CommandFailure, IOException, InterruptedException {
    return EndpointSupervisor.run(
        session(), request(branch, port, pgBin, endWith), Optional.ofNullable(log));
  }

  /**
   * The endpoint of a branch, by the name that it has now. While storage is down, by the name that
   * it had when the endpoint was started, unless two tenants have branches of that name.
   */
  static EndpointState find(Session session, String branch)
      throws StorageException, CommandFailure {
    EndpointRegistry registry = new EndpointRegistry(session.config().dataDir(), session.clock());
    List<EndpointState> all = registry.list();
    Optional<TimelineId> timeline = all.isEmpty() ? Optional.empty() : timelineOf(session, branch);
    List<EndpointState> found =
        all.stream()
            .filter(state ->
                timeline.isPresent()
                    ? state.timeline().equals(timeline.get())
                    : state.branch().equals(branch) || state.timeline().toString().equals(branch))
            .toList();
    if (found.size() > 1) {
      throw new CommandFailure(
          ExitCode.PRECONDITION,
          "endpoints were started on %d branches \"%s\", and the page server does not say which"
                  .formatted(found.size(), branch)
              + " is meant; name it by its timeline id");
    }
    if (found.isEmpty()) {
      throw new CommandFailure(
          ExitCode.NOT_FOUND,
          "no endpoint was started on a branch \"%s\" (`coppice endpoint start %s` does)"
              .formatted(branch, branch));
    }
    return found.getFirst();
  }

  /** Which branch has that name or id; empty if none has, or that cannot be found out. */
  private static Optional<TimelineId> timelineOf(Session session, String branch)
      throws StorageException {
    try (PageserverClient client = session.pageserver()) {
      return Optional.of(client.getBranch(session.tenant(client).id(), branch).timeline());
    } catch (StorageException.Transient | StorageException.NotFound | CommandFailure _) {
      return Optional.empty();
    }
  }
}
