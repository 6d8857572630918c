package io.coppice.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.error.StorageException;
import io.coppice.common.platform.Clock;
import io.coppice.common.rpc.HostPort;
import io.coppice.compute.endpoint.Endpoint;
import io.coppice.compute.endpoint.EndpointRegistry;
import io.coppice.compute.endpoint.EndpointState;
import io.coppice.compute.storage.BranchInfo;
import io.coppice.it.support.Ports;
import io.coppice.it.support.Sql;
import java.io.IOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/**
 * Every process is killed with -9 under load, in random order, and comes back. No acknowledged
 * commit is lost, none appears twice or in part.
 */
@Tag("process")
@Timeout(value = 12, unit = TimeUnit.HOURS)
final class KillTest {
  private static final int ROUNDS = Integer.getInteger("rounds", 24);
  private static final long SEED = Long.getLong("seed", 1);
  private static final int CLIENTS = 4;
  private static final int COMMITS_PER_ROUND = 100;
  private static final long PROGRESS_MILLIS = 60_000;
  private static final int END_SECONDS = 30;
  private static final String ENDPOINT = "endpoint";

  @RegisterExtension final Cluster cluster = new Cluster("pageserver.open_layer_size_max=16MB");

  private enum Victim {
    SAFEKEEPER,
    TWO_SAFEKEEPERS,
    PAGESERVER,
    SUPERVISOR,
    POSTGRES,
    PAGESERVER_AND_SUPERVISOR
  }

  @Test
  void noAcknowledgedCommitIsLost()
      throws StorageException, IOException, InterruptedException, SQLException {
    cluster.startAll();
    cluster.succeed("tenant", "create", "kill");
    BranchInfo main = cluster.branch("main");
    HostPort server = Ports.free(1).getFirst();
    cluster.startEndpointProcess(ENDPOINT, main, server);
    try (Connection connection = Sql.connect(server, "postgres")) {
      Ledger.createTable(connection);
    }
    Ledger ledger = Ledger.start(() -> server, CLIENTS);
    try (ledger) {
      assertThat(ledger.awaitProgress(COMMITS_PER_ROUND, PROGRESS_MILLIS)).isTrue();
      Random random = new Random(SEED);
      List<Victim> victims = victims(random);
      for (int round = 0; round < victims.size(); round++) {
        Victim victim = victims.get(round);
        long before = ledger.acknowledgedCount();
        kill(victim, random, main, server, ledger);
        assertThat(ledger.awaitProgress(COMMITS_PER_ROUND, PROGRESS_MILLIS))
            .as("commits after round %d (%s) with seed %d", round, victim, SEED)
            .isTrue();
        System.out.printf(
            "round %d: %s, %d commits since the one before%n",
            round, victim, ledger.acknowledgedCount() - before);
      }
    }
    cluster.role(ENDPOINT).kill9();
    System.out.printf(
        "%d commits acknowledged, %d in doubt%n",
        ledger.acknowledgedCount(), ledger.unknownCount());
    try (Endpoint last = Endpoint.start(cluster.endpoint("main"));
        Connection connection = Sql.connect(new HostPort("127.0.0.1", last.port()), "postgres")) {
      ledger.check(connection);
    }
  }

  /** Each as often as the others, in random order. */
  private static List<Victim> victims(Random random) {
    List<Victim> victims = new ArrayList<>();
    while (victims.size() < ROUNDS) {
      victims.addAll(List.of(Victim.values()));
    }
    List<Victim> chosen = new ArrayList<>(victims.subList(0, ROUNDS));
    Collections.shuffle(chosen, random);
    return chosen;
  }

  private void kill(Victim victim, Random random, BranchInfo main, HostPort server, Ledger ledger)
      throws StorageException, IOException, InterruptedException {
    int one = 1 + random.nextInt(Cluster.SAFEKEEPERS);
    switch (victim) {
      case SAFEKEEPER -> {
        cluster.safekeeper(one).kill9();
        // A quorum is left: commits go on while it is away.
        assertThat(ledger.awaitProgress(COMMITS_PER_ROUND, PROGRESS_MILLIS)).isTrue();
        cluster.startSafekeeper(one);
      }
      case TWO_SAFEKEEPERS -> {
        int other = one % Cluster.SAFEKEEPERS + 1;
        cluster.safekeeper(one).kill9();
        cluster.safekeeper(other).kill9();
        cluster.startSafekeeper(one);
        cluster.startSafekeeper(other);
      }
      case PAGESERVER -> {
        cluster.pageserver().kill9();
        assertThat(ledger.awaitProgress(COMMITS_PER_ROUND, PROGRESS_MILLIS)).isTrue();
        cluster.startPageserver();
      }
      case SUPERVISOR -> {
        cluster.role(ENDPOINT).kill9();
        cluster.startEndpointProcess(ENDPOINT, main, server);
      }
      case POSTGRES -> {
        killPostgres(main);
        // It never starts again in place: the endpoint ends, and a new one starts from storage.
        assertThat(cluster.role(ENDPOINT).awaitExit(END_SECONDS))
            .as(cluster.role(ENDPOINT).logTail())
            .isPresent();
        cluster.startEndpointProcess(ENDPOINT, main, server);
      }
      case PAGESERVER_AND_SUPERVISOR -> {
        cluster.pageserver().kill9();
        cluster.role(ENDPOINT).kill9();
        cluster.startPageserver();
        cluster.startEndpointProcess(ENDPOINT, main, server);
      }
    }
  }

  private void killPostgres(BranchInfo main) throws StorageException {
    EndpointState state =
        new EndpointRegistry(cluster.dataDirectory(), Clock.SYSTEM)
            .find(main.timeline())
            .orElseThrow();
    assertThat(ProcessHandle.of(state.postmasterPid()).orElseThrow().destroyForcibly()).isTrue();
  }
}
