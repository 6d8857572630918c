package io.coppice.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.rpc.HostPort;
import io.coppice.compute.endpoint.Endpoint;
import io.coppice.compute.storage.BranchInfo;
import io.coppice.it.history.HistoryChecker;
import io.coppice.it.history.ListAppend;
import io.coppice.it.support.Network;
import io.coppice.it.support.Ports;
import io.coppice.it.support.SmallDisk;
import io.coppice.it.support.Sql;
import io.coppice.safekeeper.client.SafekeeperClient;
import java.io.IOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * What a machine does to a safekeeper, under transactions that read lists and append to them: its
 * network is cut, at the level of links, and its disk is full. Each safekeeper is on a host of its
 * own, and the first has a small disk of its own.
 */
@Tag("process")
@Timeout(value = 12, unit = TimeUnit.HOURS)
final class MachineFaultTest {
  /** All but the last fault: a start of an endpoint more is for {@code make kill}. */
  private static final int ROUNDS = Integer.getInteger("rounds", Fault.values().length - 1);

  private static final long SEED = Long.getLong("seed", 1);
  private static final int CLIENTS = 5;
  private static final long PROGRESS_MILLIS = 60_000;

  /** Clients that deadlock stand still for one second by themselves. */
  private static final long PAUSE_MILLIS = 2_000;

  private static final int PROBE_MILLIS = 100;

  /** One that takes WAL, if slowly, has what another had so long ago. */
  private static final long BEHIND_MILLIS = 1_500;

  /** Of a connection to a host that does not answer, keep-alives are over by then. */
  private static final long LONG_PAUSE_MILLIS = 20_000;

  private static final int ONE_IN_ROUNDS_IS_LONG = 10;
  private static final int FULL_ID = 1;
  private static final int DISK_MEGABYTES = 250;
  private static final int SEGMENT_SWITCHES_MAX = 20;

  @RegisterExtension final Cluster cluster = new Cluster("pageserver.open_layer_size_max=16MB");

  private final List<SafekeeperClient> clients = new ArrayList<>();
  private @Nullable Network network;
  private @Nullable SmallDisk disk;
  private int endpoints;
  private volatile HostPort server = new HostPort("127.0.0.1", 1);

  private enum Fault {
    ONE_IS_CUT_OFF,
    TWO_ARE_CUT_OFF,
    ALL_ARE_CUT_OFF,
    CUT_OFF_IN_TURN,
    DISK_IS_FULL,
    COMPUTE_IS_REPLACED_WHILE_ONE_IS_CUT_OFF
  }

  @BeforeEach
  void open() throws IOException, InterruptedException {
    Optional<String> missing = Network.missing();
    assumeTrue(missing.isEmpty(), missing.orElse(""));
    Optional<SmallDisk> mounted =
        SmallDisk.mount(
            cluster.dataDirectory().resolve(Cluster.safekeeperName(FULL_ID)), DISK_MEGABYTES);
    assumeTrue(mounted.isPresent(), "a file system cannot be mounted here (not root?)");
    disk = mounted.get();
    network = Network.create(Cluster.SAFEKEEPERS);
    cluster.placeSafekeepers(network.hosts());
    cluster.safekeeperAddresses().forEach(address -> clients.add(SafekeeperClient.open(address)));
  }

  @AfterEach
  void close() throws IOException, InterruptedException {
    clients.forEach(SafekeeperClient::close);
    try {
      if (disk != null) {
        cluster.endAllNow(); // also what waits for safekeepers that are cut off
        disk.unmount();
      }
    } finally {
      if (network != null) {
        network.close();
      }
    }
  }

  @Test
  void clientsSeeASerializableDatabaseThatLosesNothing()
      throws StorageException, IOException, InterruptedException, SQLException {
    cluster.startAll();
    cluster.succeed("tenant", "create", "faults");
    BranchInfo main = cluster.branch("main");
    startEndpoint(main);
    try (Connection connection = Sql.connect(server, "postgres")) {
      ListAppend.createTable(connection);
    }
    ListAppend load = ListAppend.start(() -> server, CLIENTS, SEED);
    try (load) {
      FaultRounds rounds = new FaultRounds(load, SEED);
      Random random = new Random(SEED);
      rounds.run(
          ROUNDS, Fault.values(), random, fault -> inflict(fault, random, main, load, rounds));
      awaitAllHave(main, commitLsn(main));
    }
    cluster.role(endpointName()).kill9All();
    try (Endpoint last = Endpoint.start(cluster.endpoint("main"));
        Connection connection = Sql.connect(new HostPort("127.0.0.1", last.port()), "postgres")) {
      assertThat(HistoryChecker.check(load.history(connection))).as("seed %d", SEED).isEmpty();
    }
  }

  private void inflict(
      Fault fault, Random random, BranchInfo main, ListAppend load, FaultRounds rounds)
      throws StorageException, IOException, InterruptedException, SQLException {
    List<Integer> hosts = new ArrayList<>(List.of(0, 1, 2));
    Collections.shuffle(hosts, random);
    long pause = pauseMillis(random);
    switch (fault) {
      case ONE_IS_CUT_OFF -> {
        cut(hosts.subList(0, 1));
        rounds.awaitProgress("one was cut off");
        Thread.sleep(pause);
        heal(hosts.subList(0, 1));
      }
      case TWO_ARE_CUT_OFF -> cutFor(pause, hosts.subList(0, 2), load);
      case ALL_ARE_CUT_OFF -> cutFor(pause, hosts, load);
      case CUT_OFF_IN_TURN -> {
        for (int host : hosts) {
          cut(List.of(host));
          rounds.awaitProgress("another was cut off");
          heal(List.of(host));
        }
      }
      case COMPUTE_IS_REPLACED_WHILE_ONE_IS_CUT_OFF -> {
        cut(hosts.subList(0, 1));
        cluster.role(endpointName()).kill9All();
        startEndpoint(main);
        rounds.awaitProgress("the compute was replaced");
        heal(hosts.subList(0, 1));
      }
      case DISK_IS_FULL -> fillDisk(main, rounds);
    }
  }

  private static long pauseMillis(Random random) {
    boolean isLong = random.nextInt(ONE_IN_ROUNDS_IS_LONG) == 0;
    return isLong && ROUNDS > Fault.values().length ? LONG_PAUSE_MILLIS : PAUSE_MILLIS;
  }

  private Network network() {
    return Objects.requireNonNull(network);
  }

  private void cut(List<Integer> hosts) throws InterruptedException {
    for (int host : hosts) {
      network().cut(network().hosts().get(host));
    }
    for (int host : hosts) {
      assertThat(Ports.isListening(cluster.safekeeperAddresses().get(host), PROBE_MILLIS))
          .as("a host that is cut off answers")
          .isFalse();
    }
  }

  private void heal(List<Integer> hosts) throws InterruptedException {
    for (int host : hosts) {
      network().heal(network().hosts().get(host));
    }
  }

  /**
   * A majority is away: nothing is committed meanwhile. Of each client one commit that a quorum had
   * before may still be on its way.
   */
  private void cutFor(long pauseMillis, List<Integer> hosts, ListAppend load)
      throws InterruptedException {
    cut(hosts);
    int before = load.acknowledgedCount();
    Thread.sleep(pauseMillis);
    int after = load.acknowledgedCount();
    heal(hosts);
    assertThat(after - before).as("commits without a quorum").isLessThanOrEqualTo(CLIENTS);
  }

  /** Commits go on with the others; with room again the safekeeper gets what it could not take. */
  private void fillDisk(BranchInfo main, FaultRounds rounds)
      throws StorageException, IOException, InterruptedException, SQLException {
    SmallDisk small = Objects.requireNonNull(disk);
    // Or it may be behind for another reason: it was cut off in the round before.
    awaitAllHave(main, commitLsn(main));
    assertThat(small.fill()).isPositive();
    Lsn wanted;
    try (Connection connection = Sql.connect(server, "postgres")) {
      int switches = 0;
      do {
        assertThat(switches++)
            .as("segments that a full disk took")
            .isLessThan(SEGMENT_SWITCHES_MAX);
        // The end of a segment, which the next one is made before.
        Sql.run(connection, "select pg_switch_wal()");
        rounds.awaitProgress("a disk was full");
        wanted = commitLsn(main);
      } while (!isBehind(main, wanted));
    }
    rounds.awaitProgress("a safekeeper took nothing more");
    assertThat(isBehind(main, wanted)).as("a full disk takes nothing").isTrue();
    small.empty();
    awaitAllHave(main, wanted);
    // So that WAL is removed, and many rounds do not fill the disk by themselves.
    var _ = cluster.client().flushBranch(main.tenant(), "main");
  }

  private boolean isBehind(BranchInfo main, Lsn wanted)
      throws StorageException, InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(BEHIND_MILLIS);
    while (System.nanoTime() < deadline) {
      if (!flushLsn(FULL_ID - 1, main).isBefore(wanted)) {
        return false;
      }
      Thread.sleep(20);
    }
    return true;
  }

  /** Asked once more if the safekeeper has given up the connection while its host was cut off. */
  private Lsn flushLsn(int index, BranchInfo main) throws StorageException {
    SafekeeperClient client = clients.get(index);
    try {
      return client.status(main.id()).flushLsn();
    } catch (StorageException.Transient _) {
      return client.status(main.id()).flushLsn();
    }
  }

  /** What at least two have. */
  private Lsn commitLsn(BranchInfo main) throws StorageException {
    List<Lsn> ends = new ArrayList<>();
    for (int i = 0; i < Cluster.SAFEKEEPERS; i++) {
      ends.add(flushLsn(i, main));
    }
    Collections.sort(ends);
    return ends.get(1);
  }

  private void awaitAllHave(BranchInfo main, Lsn wanted)
      throws StorageException, InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(PROGRESS_MILLIS);
    for (int i = 0; i < Cluster.SAFEKEEPERS; i++) {
      while (flushLsn(i, main).isBefore(wanted)) {
        assertThat(System.nanoTime())
            .as("safekeeper %d has %s of %s", i + 1, flushLsn(i, main), wanted)
            .isLessThan(deadline);
        Thread.sleep(20);
      }
    }
  }

  /** Each in a data directory of its own, as on another machine. */
  private void startEndpoint(BranchInfo main) throws IOException, InterruptedException {
    endpoints++;
    HostPort address = Ports.free(1).getFirst();
    cluster.startEndpointProcess(
        endpointName(),
        main,
        address,
        "--data-dir",
        cluster.directory().resolve(endpointName()).toString());
    server = address;
  }

  private String endpointName() {
    return "endpoint-" + endpoints;
  }
}
