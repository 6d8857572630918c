package io.coppice.compute.proposer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.compute.postgres.PostgresServer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.util.Arrays;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(180)
final class WalProposerTest {
  @TempDir Path temporary;
  private ProposerWorld world;

  @BeforeEach
  void start() throws Exception {
    world = new ProposerWorld(temporary);
  }

  @AfterEach
  void stop() throws Exception {
    world.close();
  }

  @Test
  void commitsThroughTheQuorumAndKeepsTheSameBytes() throws Exception {
    try (WalProposer proposer = WalProposer.elect(world.config());
        Connection connection = world.connect()) {
      assertThat(proposer.startLsn()).isEqualTo(world.startLsn());
      assertThat(proposer.commitLsn()).isEqualTo(world.startLsn());
      proposer.start(world.postgresAddress(), "postgres");
      fill(connection, "a", 200_000);
      ProposerWorld.run(connection, "select pg_switch_wal()");
      fill(connection, "b", 10);
      Lsn end = ProposerWorld.flushLsn(connection);
      awaitCommit(proposer, end);
      assertThat(proposer.state()).isEqualTo(ProposerState.STREAMING);
      assertThat(proposer.gapBytes()).isZero();
      for (int node = 1; node <= 3; node++) {
        assertHasWalUpTo(node, end);
      }
    }
  }

  @Test
  void goesOnWithoutOneSafekeeperAndWaitsWithoutTwo() throws Exception {
    try (WalProposer proposer = WalProposer.elect(world.config());
        Connection connection = world.connect()) {
      proposer.start(world.postgresAddress(), "postgres");
      fill(connection, "a", 100);
      world.stopSafekeeper(1);
      fill(connection, "b", 100);
      world.stopSafekeeper(3);
      CompletableFuture<Void> waiting = later(connection, "c");
      assertThatThrownBy(() -> waiting.get(1_500, TimeUnit.MILLISECONDS))
          .isInstanceOf(TimeoutException.class);
      assertThat(proposer.gapBytes()).isPositive();
      world.startSafekeeper(3);
      waiting.get(30, TimeUnit.SECONDS);
      world.startSafekeeper(1);
      fill(connection, "d", 100);
      Lsn end = ProposerWorld.flushLsn(connection);
      for (int node = 1; node <= 3; node++) {
        assertHasWalUpTo(node, end);
      }
    }
  }

  @Test
  void feedsASafekeeperFromAnotherWhenItsWalHasLeftMemory() throws Exception {
    try (WalProposer proposer = WalProposer.elect(world.configWithRecentWalOf(64 * 1024));
        Connection connection = world.connect()) {
      proposer.start(world.postgresAddress(), "postgres");
      world.stopSafekeeper(2);
      fill(connection, "a", 100_000);
      world.startSafekeeper(2);
      fill(connection, "b", 1_000);
      assertHasWalUpTo(2, ProposerWorld.flushLsn(connection));
    }
  }

  @Test
  void tellsSafekeepersWhatIsCommittedThoughNoWalFollows() throws Exception {
    try (WalProposer proposer = WalProposer.elect(world.config());
        Connection connection = world.connect()) {
      proposer.start(world.postgresAddress(), "postgres");
      fill(connection, "a", 100);
      awaitCommit(proposer, ProposerWorld.flushLsn(connection));
      for (int node = 1; node <= 3; node++) {
        int known = node;
        await(() -> world.commitKnownTo(known).equals(proposer.commitLsn()));
      }
    }
  }

  @Test
  void endsWhenSafekeepersKnowWhatIsCommitted() throws Exception {
    try (WalProposer proposer = WalProposer.elect(world.config())) {
      proposer.start(world.postgresAddress(), "postgres");
      try (Connection connection = world.connect()) {
        fill(connection, "a", 100);
      }
      // The server goes as soon as it hears that its last record is committed.
      world.postgres().requestStop(PostgresServer.Shutdown.FAST);
      proposer.stopped().get(30, TimeUnit.SECONDS);
      assertThat(proposer.commitLsn()).isGreaterThan(world.startLsn());
      for (int node = 1; node <= 3; node++) {
        assertThat(world.commitKnownTo(node)).isEqualTo(proposer.commitLsn());
      }
    }
  }

  @Test
  void isFencedByANewerProposer() throws Exception {
    try (WalProposer first = WalProposer.elect(world.config());
        Connection connection = world.connect()) {
      first.start(world.postgresAddress(), "postgres");
      fill(connection, "a", 100);
      Lsn committed = ProposerWorld.flushLsn(connection);
      try (WalProposer second = WalProposer.elect(world.config())) {
        assertThat(second.term()).isGreaterThan(first.term());
        assertThat(second.startLsn()).isGreaterThanOrEqualTo(committed);
        StopReason reason = first.stopped().get(10, TimeUnit.SECONDS);
        assertThat(reason).isEqualTo(new StopReason.Fenced(second.term()));
        assertThat(first.state()).isEqualTo(ProposerState.FENCED);
        CompletableFuture<Void> waiting = later(connection, "b");
        assertThatThrownBy(() -> waiting.get(1, TimeUnit.SECONDS))
            .isInstanceOf(TimeoutException.class);
      }
    }
  }

  @Test
  void takesUpWhereTheLastProposerEndedAfterAllSafekeepersWereRestarted() throws Exception {
    Lsn committed;
    try (WalProposer proposer = WalProposer.elect(world.config());
        Connection connection = world.connect()) {
      proposer.start(world.postgresAddress(), "postgres");
      fill(connection, "a", 10_000);
      committed = ProposerWorld.flushLsn(connection);
      awaitCommit(proposer, committed);
    }
    for (int node = 1; node <= 3; node++) {
      world.stopSafekeeper(node);
      world.startSafekeeper(node);
    }
    try (WalProposer next = WalProposer.elect(world.config())) {
      assertThat(next.startLsn()).isGreaterThanOrEqualTo(committed);
      assertThat(next.commitLsn()).isEqualTo(next.startLsn());
    }
  }

  @Test
  void saysThatPostgresIsGone() throws Exception {
    try (WalProposer proposer = WalProposer.elect(world.config())) {
      proposer.start(world.postgresAddress(), "postgres");
      try (Connection connection = world.connect()) {
        fill(connection, "a", 10);
      }
      world.postgres().stopNow();
      assertThat(proposer.stopped().get(10, TimeUnit.SECONDS))
          .isInstanceOf(StopReason.PostgresGone.class);
    }
  }

  @Test
  void refusesAnotherSystem() throws Exception {
    try (WalProposer first = WalProposer.elect(world.config())) {
      assertThat(first.term()).isEqualTo(1);
    }
    ProposerConfig right = world.config();
    ProposerConfig wrong =
        ProposerConfig.of(
            right.timeline(),
            right.safekeepers(),
            15,
            right.systemId() + 1,
            right.walSegmentSizeBytes(),
            right.timelineStartLsn());
    assertThatThrownBy(() -> WalProposer.elect(wrong))
        .isInstanceOf(StorageException.Precondition.class)
        .hasMessageContaining("systemId");
  }

  @Test
  void refusesSafekeepersThatHaveLostTheTimeline() throws Exception {
    try (WalProposer first = WalProposer.elect(world.config())) {
      first.stopCreating();
    }
    world.wipeSafekeeper(2);
    world.wipeSafekeeper(3);
    assertThatThrownBy(() -> WalProposer.elect(world.config().withCreation(1, false)))
        .isInstanceOf(StorageException.Precondition.class)
        .hasMessageContaining("safekeeper 2 does not have timeline")
        .hasMessageContaining("safekeeper 3 does not have timeline");
  }

  @Test
  void goesOnWhileALostSafekeeperIsRebuiltAndThenWithIt() throws Exception {
    try (WalProposer proposer = WalProposer.elect(world.config());
        Connection connection = world.connect()) {
      proposer.stopCreating();
      proposer.start(world.postgresAddress(), "postgres");
      fill(connection, "a", 10_000);
      world.wipeSafekeeper(3);
      for (int table = 0; Files.notExists(world.walOf(3)); table++) {
        fill(connection, "during" + table, 100);
      }
      fill(connection, "b", 10_000);
      world.stopSafekeeper(1);
      later(connection, "c").get(30, TimeUnit.SECONDS);
      Lsn committed = ProposerWorld.flushLsn(connection);
      awaitCommit(proposer, committed);
      assertHasWalUpTo(3, committed);
      assertThat(proposer.state()).isEqualTo(ProposerState.STREAMING);
    }
  }

  private static void fill(Connection connection, String table, int rows) throws Exception {
    ProposerWorld.run(
        connection,
        "create table %s as select i, md5(i::text) as t from generate_series(1, %d) i"
            .formatted(table, rows));
  }

  private static CompletableFuture<Void> later(Connection connection, String table) {
    return CompletableFuture.runAsync(() -> {
      try {
        fill(connection, table, 10);
      } catch (Exception e) {
        throw new CompletionException(e);
      }
    });
  }

  private static void awaitCommit(WalProposer proposer, Lsn lsn) throws Exception {
    await(() -> proposer.commitLsn().isAtOrAfter(lsn));
  }

  private interface Check {
    boolean holds() throws Exception;
  }

  private static void await(Check check) throws Exception {
    for (int i = 0; i < 3_000 && !check.holds(); i++) {
      TimeUnit.MILLISECONDS.sleep(10);
    }
    assertThat(check.holds()).isTrue();
  }

  private void assertHasWalUpTo(int node, Lsn end) throws Exception {
    byte[] expected = ProposerWorld.bytes(world.postgresWal(), world.startLsn(), end);
    await(() ->
        Arrays.equals(ProposerWorld.bytes(world.walOf(node), world.startLsn(), end), expected));
  }
}
