package io.coppice.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.error.StorageException;
import io.coppice.common.rpc.HostPort;
import io.coppice.compute.endpoint.Endpoint;
import io.coppice.compute.storage.BranchInfo;
import io.coppice.it.history.Anomaly;
import io.coppice.it.history.HistoryChecker;
import io.coppice.it.history.ListAppend;
import io.coppice.it.history.Transaction;
import io.coppice.it.history.Transaction.Outcome;
import io.coppice.it.support.FaultyProxy;
import io.coppice.it.support.Ports;
import io.coppice.it.support.Sql;
import java.io.IOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * Processes are stopped and go on, safekeepers are cut off or slow, and computes are replaced while
 * they sleep, under transactions that read lists and append to them. What the clients saw is that
 * of a serializable database that lost nothing.
 */
@Tag("process")
@Timeout(value = 12, unit = TimeUnit.HOURS)
final class FaultTest {
  private static final int ROUNDS = Integer.getInteger("rounds", 26);
  private static final long SEED = Long.getLong("seed", 1);
  private static final int CLIENTS = 5;
  private static final long PAUSE_MILLIS = 500;
  private static final int END_SECONDS = 60;

  /** What a fast disk does in one, on a slow day. */
  private static final long GRAY_MILLIS = 100;

  @RegisterExtension final Cluster cluster = new Cluster("pageserver.open_layer_size_max=16MB");

  private final List<FaultyProxy> proxies = new ArrayList<>();
  private int endpoints;
  private volatile HostPort server = new HostPort("127.0.0.1", 1);

  private enum Fault {
    SAFEKEEPER_STOPS,
    TWO_SAFEKEEPERS_STOP,
    PAGESERVER_STOPS,
    SUPERVISOR_STOPS,
    COMPUTE_STOPS,
    COMPUTE_IS_REPLACED,
    COMPUTE_IS_KILLED,
    SAFEKEEPER_IS_GRAY,
    SAFEKEEPER_IS_CUT_OFF,
    SAFEKEEPER_IS_NOT_HEARD,
    QUORUM_IS_NOT_HEARD
  }

  @AfterEach
  void close() throws IOException, InterruptedException {
    cluster.role(endpointName()).kill9All(); // without safekeepers it would take its time to end
    for (FaultyProxy proxy : proxies) {
      proxy.close();
    }
  }

  private BranchInfo startWithTable()
      throws StorageException, IOException, InterruptedException, SQLException {
    cluster.startAll();
    cluster.succeed("tenant", "create", "faults");
    for (HostPort safekeeper : cluster.safekeeperAddresses()) {
      proxies.add(FaultyProxy.to(safekeeper));
    }
    BranchInfo main = cluster.branch("main");
    startEndpoint(main);
    try (Connection connection = Sql.connect(server, "postgres")) {
      ListAppend.createTable(connection);
    }
    return main;
  }

  @Test
  void clientsSeeASerializableDatabaseThatLosesNothing()
      throws StorageException, IOException, InterruptedException, SQLException {
    BranchInfo main = startWithTable();
    ListAppend load = ListAppend.start(() -> server, CLIENTS, SEED);
    try (load) {
      FaultRounds rounds = new FaultRounds(load, SEED);
      Random random = new Random(SEED);
      rounds.run(ROUNDS, Fault.values(), random, fault -> inflict(fault, random, main, rounds));
    }
    cluster.role(endpointName()).kill9All();
    try (Endpoint last = Endpoint.start(cluster.endpoint("main"));
        Connection connection = Sql.connect(new HostPort("127.0.0.1", last.port()), "postgres")) {
      List<Transaction> history = load.history(connection);
      System.out.printf(
          "seed %d: %s%n",
          SEED,
          history.stream()
              .collect(Collectors.groupingBy(Transaction::outcome, Collectors.counting())));
      assertThat(HistoryChecker.check(history)).as("seed %d", SEED).isEmpty();
      assertThat(history.stream().filter(done -> done.outcome() == Outcome.OK).count())
          .isGreaterThan(FaultRounds.commits(ROUNDS));
    }
  }

  /** Commits that no quorum has are lost with the compute; the checker must notice. */
  @Test
  @EnabledIfSystemProperty(named = "rounds", matches = ".*", disabledReason = "part of make kill")
  void whatIsLostIsNoticed()
      throws StorageException, IOException, InterruptedException, SQLException {
    BranchInfo main = startWithTable();
    try (Connection connection = Sql.connect(server, "postgres")) {
      Sql.run(connection, "alter system set synchronous_commit = local", "select pg_reload_conf()");
    }
    ListAppend load = ListAppend.start(() -> server, CLIENTS, SEED);
    try (load) {
      FaultRounds rounds = new FaultRounds(load, SEED);
      rounds.awaitProgress("the start");
      proxies.forEach(FaultyProxy::holdRequests);
      rounds.awaitProgress("all safekeepers were cut off");
      cluster.role(endpointName()).kill9All();
      proxies.forEach(FaultyProxy::heal);
    }
    startEndpoint(main);
    try (Connection connection = Sql.connect(server, "postgres")) {
      assertThat(HistoryChecker.check(load.history(connection)))
          .extracting(Anomaly::kind)
          .contains(Anomaly.Kind.LOST_APPEND);
    }
  }

  private void inflict(Fault fault, Random random, BranchInfo main, FaultRounds rounds)
      throws StorageException, IOException, InterruptedException, SQLException {
    int one = random.nextInt(Cluster.SAFEKEEPERS);
    int other = (one + 1) % Cluster.SAFEKEEPERS;
    switch (fault) {
      case SAFEKEEPER_STOPS -> sleepWhile(rounds, true, cluster.safekeeper(one + 1));
      case TWO_SAFEKEEPERS_STOP ->
          sleepWhile(rounds, false, cluster.safekeeper(one + 1), cluster.safekeeper(other + 1));
      case PAGESERVER_STOPS -> sleepWhile(rounds, true, cluster.pageserver());
      case SUPERVISOR_STOPS -> {
        cluster.role(endpointName()).pauseAlone();
        Thread.sleep(PAUSE_MILLIS);
        cluster.role(endpointName()).resume();
      }
      case COMPUTE_STOPS -> sleepWhile(rounds, false, cluster.role(endpointName()));
      case COMPUTE_IS_REPLACED -> replaceCompute(main, rounds);
      case COMPUTE_IS_KILLED -> {
        cluster.role(endpointName()).kill9All();
        startEndpoint(main);
      }
      case SAFEKEEPER_IS_GRAY -> {
        proxies.get(one).delay(GRAY_MILLIS);
        rounds.awaitProgress("a safekeeper became slow");
        heal(proxies.get(one));
      }
      case SAFEKEEPER_IS_CUT_OFF -> {
        proxies.get(one).holdRequests();
        rounds.awaitProgress("a safekeeper was cut off");
        heal(proxies.get(one));
      }
      case SAFEKEEPER_IS_NOT_HEARD -> {
        proxies.get(one).holdAnswers();
        rounds.awaitProgress("a safekeeper was not heard any more");
        heal(proxies.get(one));
      }
      case QUORUM_IS_NOT_HEARD -> {
        proxies.get(one).holdAnswers();
        proxies.get(other).holdAnswers();
        Thread.sleep(PAUSE_MILLIS);
        heal(proxies.get(one));
        heal(proxies.get(other));
      }
    }
  }

  private static void heal(FaultyProxy proxy) {
    proxy.heal();
    assertThat(proxy.heldBytes()).as("bytes that the fault met").isPositive();
  }

  private static void sleepWhile(FaultRounds rounds, boolean goesOn, ChildProcess... processes)
      throws IOException, InterruptedException {
    for (ChildProcess process : processes) {
      process.pause();
    }
    try {
      if (goesOn) {
        rounds.awaitProgress(processes[0].name() + " was stopped");
      } else {
        Thread.sleep(PAUSE_MILLIS);
      }
    } finally {
      for (ChildProcess process : processes) {
        process.resume();
      }
    }
  }

  /** The old one sleeps while another starts elsewhere; awake again, it must not commit. */
  private void replaceCompute(BranchInfo main, FaultRounds rounds)
      throws IOException, InterruptedException, StorageException, SQLException {
    HostPort before = server;
    ChildProcess old = cluster.role(endpointName());
    try (Connection late = Sql.connect(before, "postgres")) {
      old.pause();
      try {
        startEndpoint(main);
        rounds.awaitProgress("the compute was replaced");
      } finally {
        old.resume();
      }
      assertThat(commits(late)).as("a commit on the compute that was replaced").isFalse();
    }
    assertThat(old.awaitExit(END_SECONDS)).as(old.logTail()).isPresent();
    assertThat(old.logTail()).contains("fenced by a newer endpoint");
  }

  private static boolean commits(Connection connection) {
    try {
      Sql.run(connection, "insert into lists values (-1, '{-1}')");
      return true;
    } catch (SQLException _) {
      return false;
    }
  }

  /** Each in a data directory of its own, as on another machine; reaches safekeepers by proxy. */
  private void startEndpoint(BranchInfo main) throws IOException, InterruptedException {
    endpoints++;
    HostPort address = Ports.free(1).getFirst();
    cluster.startEndpointProcess(
        endpointName(),
        main,
        address,
        "--data-dir",
        cluster.directory().resolve(endpointName()).toString(),
        "--set",
        "cluster.safekeepers="
            + proxies.stream()
                .map(proxy -> proxy.address().toString())
                .collect(Collectors.joining(",")));
    server = address;
  }

  private String endpointName() {
    return "endpoint-" + endpoints;
  }
}
