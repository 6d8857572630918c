package io.coppice.compute.endpoint;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.platform.Clock;
import io.coppice.compute.postgres.PostgresServer;
import io.coppice.compute.proposer.ProposerMetrics;
import io.coppice.compute.proposer.StopReason;
import io.coppice.compute.proposer.WalProposer;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.Optional;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A running stock Postgres on a branch, with its proposer. Thread safe.
 *
 * <p>One thread owns its end. It waits for the first of these events, and then takes everything
 * down; nothing is ever started again in place.
 *
 * <pre>
 *   stop asked for           SIGINT; Postgres writes its checkpoint and waits for the quorum  STOPPED
 *   proposer superseded      SIGQUIT                                                          FENCED
 *   WAL refused for good     SIGQUIT                                                          FAILED
 *   proposer failed          SIGQUIT                                                          FAILED
 *   replication ended        Postgres is ending (then as below), else SIGQUIT                 FAILED
 *   Postgres ended, code 0   somebody shut it down                                            STOPPED
 *   Postgres ended, else     it crashed                                                       FAILED
 * </pre>
 */
public final class Endpoint implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Endpoint.class);

  /** How long a Postgres that ended replication may take to end itself. */
  private static final long ENDING_TIMEOUT_MILLIS = 10_000;

  private static final int EVENTS_MAX = 16;

  private sealed interface Event {
    record StopRequested() implements Event {}

    record PostgresEnded(int exitCode) implements Event {}

    record ProposerEnded(StopReason reason) implements Event {}
  }

  private final EndpointSpec spec;
  private final Clock clock;
  private final RunDirectory run;
  private final WalProposer proposer;
  private final PostgresServer server;
  private final BlockingQueue<Event> events = new ArrayBlockingQueue<>(EVENTS_MAX);
  private final CompletableFuture<EndpointOutcome> stopped = new CompletableFuture<>();
  private volatile EndpointState state;

  private Endpoint(EndpointStarter.Started started) {
    spec = started.spec();
    clock = spec.clock();
    run = started.run();
    proposer = started.proposer();
    server = started.server();
    state = started.state();
  }

  /**
   * Starts an endpoint and returns when its Postgres accepts connections. Takes the branch over
   * from an endpoint that is running on it, wherever that is.
   *
   * @throws StorageException.Transient if the quorum, the page server or Postgres do not come up in
   *     time; the message has the tail of Postgres's log
   * @throws StorageException.Fenced if a newer endpoint took over meanwhile
   */
  public static Endpoint start(EndpointSpec spec) throws StorageException, InterruptedException {
    return start(spec, Optional.empty());
  }

  static Endpoint start(EndpointSpec spec, Optional<LocalPostgres> known)
      throws StorageException, InterruptedException {
    Endpoint endpoint = new Endpoint(EndpointStarter.start(spec, known));
    endpoint.watch();
    return endpoint;
  }

  private void watch() {
    var _ = server.onExit().thenAccept(code -> post(new Event.PostgresEnded(code)));
    var _ = proposer.stopped().thenAccept(reason -> post(new Event.ProposerEnded(reason)));
    Thread.ofPlatform().name("endpoint-" + state.branch()).start(this::supervise);
  }

  /** Each source sends few events; one that finds no room adds nothing to those before it. */
  private void post(Event event) {
    if (!events.offer(event)) {
      log.debug("endpoint of branch {} is ending, {} adds nothing", state.branch(), event);
    }
  }

  public TenantTimelineId id() {
    return state.id();
  }

  /** As the state file has it. */
  public EndpointState state() {
    return state;
  }

  public int port() {
    return state.port();
  }

  public StartDurations durations() {
    return state.durations();
  }

  /** Where clients connect. */
  public String connectionString(String database) {
    return state.connectionString(database);
  }

  /** All WAL below this is on a quorum. */
  public Lsn commitLsn() {
    return proposer.commitLsn();
  }

  /** Why it is of no use to clients now; empty if it is. */
  public Optional<String> notReady() {
    if (outcome().isPresent()) {
      return Optional.of("the endpoint has ended");
    }
    int connected = proposer.connectedCount();
    int all = spec.safekeepers().size();
    return connected > all / 2
        ? Optional.empty()
        : Optional.of(
            "commits wait: only %d of %d safekeepers are connected".formatted(connected, all));
  }

  /** Puts what the proposer does among the meters of this process. */
  public void measure(MeterRegistry registry) {
    ProposerMetrics.register(registry, proposer);
  }

  /** Completes, normally, when all of it has ended. */
  public CompletableFuture<EndpointOutcome> stopped() {
    return stopped.copy();
  }

  public EndpointOutcome awaitStopped() throws InterruptedException {
    try {
      return stopped.get();
    } catch (java.util.concurrent.ExecutionException e) {
      throw new IllegalStateException("an endpoint's end is never a failure", e);
    }
  }

  /**
   * Shuts Postgres down so that the quorum has all of its WAL, and waits for the end. If that takes
   * longer than the stop timeout, Postgres is ended at once: what was acknowledged is durable
   * either way.
   */
  public EndpointOutcome stop() throws InterruptedException {
    post(new Event.StopRequested());
    return awaitStopped();
  }

  /** Like {@link #stop}, but does not wait on when interrupted. */
  @Override
  public void close() {
    try {
      var _ = stop();
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  static String fencedMessage(long byTerm) {
    return "fenced by a newer endpoint (term %d)".formatted(byTerm);
  }

  private record Ending(EndpointStatus status, String reason) {}

  private void supervise() {
    Ending ending = new Ending(EndpointStatus.FAILED, "its supervisor failed");
    try {
      ending = awaitEnding();
    } catch (InterruptedException _) {
      ending = new Ending(EndpointStatus.FAILED, "its supervisor was interrupted");
    } finally {
      takeDown(ending);
    }
  }

  /** Waits for the first event, and does what it asks for until Postgres has ended or must. */
  private Ending awaitEnding() throws InterruptedException {
    return switch (events.take()) {
      case Event.StopRequested() -> shutDown();
      case Event.PostgresEnded(int exitCode) -> postgresEnded(exitCode);
      case Event.ProposerEnded(StopReason reason) -> proposerEnded(reason);
    };
  }

  /** A fast shutdown, which Postgres ends only when its standby, the quorum, has everything. */
  private Ending shutDown() throws InterruptedException {
    server.requestStop(PostgresServer.Shutdown.FAST);
    long deadline = clock.monotonicMillis() + spec.stopTimeoutMillis();
    while (true) {
      Event event = poll(deadline);
      switch (event) {
        case null -> {
          return new Ending(
              EndpointStatus.STOPPED,
              "stopped at once: the quorum did not confirm the last WAL within %d ms"
                  .formatted(spec.stopTimeoutMillis()));
        }
        case Event.PostgresEnded(int exitCode) -> {
          return exitCode == 0
              ? new Ending(EndpointStatus.STOPPED, "stopped")
              : postgresEnded(exitCode);
        }
        case Event.ProposerEnded(StopReason.PostgresGone _) -> {} // as it should be
        case Event.ProposerEnded(StopReason reason) -> {
          return proposerEnded(reason);
        }
        case Event.StopRequested() -> {} // it is on the way
      }
    }
  }

  private Ending postgresEnded(int exitCode) {
    if (exitCode == 0) {
      return new Ending(EndpointStatus.STOPPED, "Postgres was shut down");
    }
    return new Ending(
        EndpointStatus.FAILED,
        "Postgres ended with code %d. Its log in %s ends:%n%s"
            .formatted(exitCode, state.logPath(), server.logTail()));
  }

  private Ending proposerEnded(StopReason reason) throws InterruptedException {
    return switch (reason) {
      case StopReason.Fenced(long byTerm) ->
          new Ending(EndpointStatus.FENCED, fencedMessage(byTerm));
      case StopReason.Refused(String message) ->
          new Ending(EndpointStatus.FAILED, "safekeepers take no more of its WAL: " + message);
      case StopReason.Failed(Throwable cause) ->
          new Ending(EndpointStatus.FAILED, "the proposer failed: " + cause);
      case StopReason.Closed() ->
          new Ending(EndpointStatus.FAILED, "the proposer was closed by somebody else");
      case StopReason.PostgresGone(String message) -> replicationEnded(message);
    };
  }

  /** Replication ends first when Postgres is shut down: then its own end tells more. */
  private Ending replicationEnded(String message) throws InterruptedException {
    long deadline = clock.monotonicMillis() + ENDING_TIMEOUT_MILLIS;
    while (true) {
      switch (poll(deadline)) {
        case null -> {
          return new Ending(EndpointStatus.FAILED, "replication ended: " + message);
        }
        case Event.PostgresEnded(int exitCode) -> {
          return postgresEnded(exitCode);
        }
        case Event.StopRequested() -> server.requestStop(PostgresServer.Shutdown.FAST);
        case Event.ProposerEnded _ -> {} // it ends once only
      }
    }
  }

  private @Nullable Event poll(long deadlineMillis) throws InterruptedException {
    long leftMillis = Math.max(0, deadlineMillis - clock.monotonicMillis());
    return events.poll(leftMillis, TimeUnit.MILLISECONDS);
  }

  private void takeDown(Ending ending) {
    try {
      server.stopNow();
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
    Lsn commitLsn = proposer.commitLsn();
    proposer.close();
    deleteData();
    EndpointState last = state.withStatus(ending.status(), ending.reason(), clock.now());
    state = last;
    try {
      run.write(last);
    } catch (StorageException e) {
      log.warn("state of the endpoint of branch {} not written", last.branch(), e);
    }
    logEnd(ending);
    stopped.complete(new EndpointOutcome(ending.status(), ending.reason(), commitLsn));
  }

  private void deleteData() {
    if (spec.keepData()) {
      return;
    }
    try {
      run.deleteData(state.dataPath());
    } catch (StorageException e) {
      log.warn("data of the endpoint of branch {} not deleted", state.branch(), e);
    }
  }

  private void logEnd(Ending ending) {
    String message = "endpoint of branch {} ended, {}: {}";
    switch (ending.status()) {
      case FAILED -> log.error(message, state.branch(), ending.status(), ending.reason());
      case FENCED -> log.warn(message, state.branch(), ending.status(), ending.reason());
      case STOPPED, STARTING, RUNNING ->
          log.info(message, state.branch(), ending.status(), ending.reason());
    }
  }

  /** The reason of its end, once it has ended. */
  public Optional<EndpointOutcome> outcome() {
    return Optional.ofNullable(stopped.getNow(null));
  }
}
