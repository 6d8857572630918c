package io.coppice.compute.endpoint;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.platform.Clock;
import io.coppice.common.rpc.HostPort;
import io.coppice.compute.archive.TarUnpacker;
import io.coppice.compute.postgres.Initdb;
import io.coppice.compute.postgres.PostgresInstallation;
import io.coppice.compute.postgres.PostgresServer;
import io.coppice.compute.postgres.RunAs;
import io.coppice.compute.proposer.ProposerConfig;
import io.coppice.compute.proposer.StopReason;
import io.coppice.compute.proposer.WalProposer;
import io.coppice.compute.storage.BranchInfo;
import io.coppice.compute.storage.WalCreation;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings one endpoint up, step by step, and takes down what it has brought up when a step fails.
 *
 * <pre>
 *   branch -> elect -> wait for the page server -> base backup -> Postgres -> stream WAL
 *        \-> what earlier runs left is cleared away --^
 * </pre>
 *
 * <p>An election shuts out the endpoint that runs now, so all that can be found wrong here is
 * looked for before it.
 */
final class EndpointStarter {
  private static final Logger log = LoggerFactory.getLogger(EndpointStarter.class);
  private static final int PORT_ATTEMPTS_MAX = 5;

  private final EndpointSpec spec;
  private final Clock clock;
  private final BranchInfo branch;
  private final Optional<LocalPostgres> known;
  private final RunAs runAs;
  private final RunDirectory run;
  private final Step<Integer> cleared;
  private EndpointState state;
  private @Nullable WalProposer proposer;
  private @Nullable PostgresServer server;

  private EndpointStarter(
      EndpointSpec spec,
      BranchInfo branch,
      Optional<LocalPostgres> known,
      RunAs runAs,
      RunDirectory run,
      EndpointState state) {
    this.spec = spec;
    this.clock = spec.clock();
    this.branch = branch;
    this.known = known;
    this.runAs = runAs;
    this.run = run;
    this.state = state;
    this.cleared =
        Step.begin(
            "endpoint-clear",
            () ->
                new EndpointRegistry(spec.dataDirectory(), clock)
                    .cleanUp(branch.timeline(), run.run()));
  }

  /** What is up. */
  record Started(
      EndpointSpec spec,
      RunDirectory run,
      EndpointState state,
      WalProposer proposer,
      PostgresServer server) {}

  /**
   * Starts it.
   *
   * @param known if it was found out before
   */
  static Started start(EndpointSpec spec, Optional<LocalPostgres> known)
      throws StorageException, InterruptedException {
    EndpointSettings.check(spec.settings());
    if (spec.port().isPresent() && !Ports.isFree(spec.port().getAsInt())) {
      throw new StorageException.Precondition(
          "port %d of 127.0.0.1 is in use; name another, or none to take a free one"
              .formatted(spec.port().getAsInt()));
    }
    Step<RunAs> user =
        Step.begin(
            "endpoint-user",
            () -> known.isPresent() ? known.get().runAs() : RunAs.resolve(spec.runAs()));
    BranchInfo branch = spec.pageserver().getBranch(spec.tenant(), spec.branch());
    RunAs runAs = user.await();
    RunDirectory run =
        RunDirectory.create(RunDirectory.root(spec.dataDirectory()), branch.timeline());
    EndpointState state = firstState(spec, branch, run);
    run.write(state);
    EndpointStarter starter = new EndpointStarter(spec, branch, known, runAs, run, state);
    boolean started = false;
    try {
      Started result = starter.bringUp();
      started = true;
      return result;
    } catch (StorageException e) {
      starter.recordFailure(e);
      throw e;
    } finally {
      if (!started) {
        starter.takeDown();
      }
    }
  }

  private static EndpointState firstState(EndpointSpec spec, BranchInfo branch, RunDirectory run) {
    return new EndpointState(
        branch.tenant(),
        branch.timeline(),
        branch.name(),
        run.run(),
        EndpointStatus.STARTING,
        "",
        EndpointState.Supervisor.self(),
        0,
        0,
        0,
        Lsn.INVALID,
        run.defaultData(),
        run.log(),
        spec.clock().now(),
        spec.clock().now(),
        StartDurations.NONE,
        spec.statusAddress());
  }

  private Started bringUp() throws StorageException, InterruptedException {
    PostgresInstallation installation =
        (known.isPresent() ? known.get() : LocalPostgres.find(spec, branch.pgMajor(), runAs))
            .installation();
    Path data = run.createData(runAs);
    state = state.elected(0, Lsn.INVALID, data, clock.now()); // so that a failure deletes it
    long begunMillis = clock.monotonicMillis();
    WalProposer elected = elect();
    long electedMillis = clock.monotonicMillis();
    spec.pageserver()
        .waitForLsn(
            branch.tenant(),
            branch.timeline().toString(),
            elected.startLsn(),
            spec.readyTimeoutMillis());
    long caughtUpMillis = clock.monotonicMillis();
    var _ = cleared.await(); // the disk may have room for the data of one run only
    state = state.elected(elected.term(), elected.startLsn(), data, clock.now());
    run.write(state);
    TarUnpacker.Unpacked unpacked =
        new DataFetch(spec, branch, runAs).into(data, elected.startLsn());
    long fetchedMillis = clock.monotonicMillis();
    int port = startPostgres(installation, data);
    PostgresServer running = java.util.Objects.requireNonNull(server);
    elected.start(new HostPort("127.0.0.1", port), Initdb.SUPERUSER);
    refuseIfFenced(elected);
    long readyMillis = clock.monotonicMillis();
    StartDurations durations =
        new StartDurations(
            electedMillis - begunMillis,
            caughtUpMillis - electedMillis,
            fetchedMillis - caughtUpMillis,
            readyMillis - fetchedMillis,
            readyMillis - begunMillis,
            unpacked.sizeBytes());
    state = state.running(running.pid(), port, durations, clock.now());
    run.write(state);
    log.info(
        "endpoint of branch {} ({}) runs {} on port {} from {} in term {}: {}",
        branch.name(),
        branch.timeline(),
        installation,
        port,
        elected.startLsn(),
        elected.term(),
        durations);
    return new Started(spec, run, state, elected, running);
  }

  private WalProposer elect() throws StorageException, InterruptedException {
    String timeline = branch.timeline().toString();
    WalCreation creation = spec.pageserver().beginWal(branch.tenant(), timeline);
    WalProposer elected =
        WalProposer.elect(
            ProposerConfig.of(
                    branch.id(),
                    spec.safekeepers(),
                    branch.pgMajor(),
                    branch.systemId(),
                    branch.walSegmentSizeBytes(),
                    branch.startLsn())
                .withCreation(creation.number(), !creation.started()));
    proposer = elected;
    if (!creation.started()) {
      // Nothing can be committed before this: from here on a safekeeper without it has lost it.
      elected.stopCreating();
      spec.pageserver().startWal(branch.tenant(), timeline, creation.number());
    }
    return elected;
  }

  /** Starts Postgres; a free port may be taken by somebody else before Postgres has it. */
  private int startPostgres(PostgresInstallation installation, Path data)
      throws StorageException, InterruptedException {
    for (int attempt = 1; ; attempt++) {
      int port = spec.port().isPresent() ? spec.port().getAsInt() : Ports.findFree();
      PostgresServer.Spec serverSpec =
          new PostgresServer.Spec(
              installation, runAs, data, run.log(), EndpointSettings.fixed(port));
      try {
        server = PostgresServer.start(serverSpec, spec.readyTimeoutMillis(), clock);
        return port;
      } catch (StorageException.Transient e) {
        if (spec.port().isPresent() || Ports.isFree(port) || attempt == PORT_ATTEMPTS_MAX) {
          throw e;
        }
        log.info("port {} was taken meanwhile, trying another", port);
      }
    }
  }

  private static void refuseIfFenced(WalProposer elected) throws StorageException {
    Optional<StopReason> stopped = Optional.ofNullable(elected.stopped().getNow(null));
    if (stopped.isPresent() && stopped.get() instanceof StopReason.Fenced(long byTerm)) {
      throw new StorageException.Fenced(Endpoint.fencedMessage(byTerm));
    }
  }

  private void recordFailure(StorageException failure) {
    EndpointStatus status =
        failure instanceof StorageException.Fenced ? EndpointStatus.FENCED : EndpointStatus.FAILED;
    try {
      run.write(state.withStatus(status, String.valueOf(failure.getMessage()), clock.now()));
    } catch (StorageException e) {
      log.warn("state of the endpoint not written", e);
    }
  }

  private void takeDown() throws InterruptedException {
    cleared.join();
    if (server != null) {
      server.stopNow();
    }
    if (proposer != null) {
      proposer.close();
    }
    if (!spec.keepData()) {
      try {
        run.deleteData(state.dataPath());
      } catch (StorageException e) {
        log.warn("data of the endpoint not deleted", e);
      }
    }
  }
}
