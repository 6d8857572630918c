package io.coppice.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.platform.Clock;
import io.coppice.common.platform.Ids;
import io.coppice.common.rpc.HostPort;
import io.coppice.compute.endpoint.Endpoint;
import io.coppice.compute.proposer.ProposerConfig;
import io.coppice.compute.proposer.WalProposer;
import io.coppice.compute.storage.BranchInfo;
import io.coppice.it.support.Ports;
import io.coppice.it.support.Sql;
import io.coppice.safekeeper.client.SafekeeperClient;
import io.coppice.safekeeper.client.TimelineStatus;
import java.io.IOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** A safekeeper loses its disk. */
@Tag("process")
@Timeout(value = 5, unit = TimeUnit.MINUTES)
final class ReplaceTest {
  private static final int CLIENTS = 4;
  private static final int COMMITS = 100;
  private static final long PROGRESS_MILLIS = 60_000;
  private static final long ELECTION_MILLIS = 2_000;
  private static final String ENDPOINT = "endpoint";

  @RegisterExtension final Cluster cluster = new Cluster();

  @Test
  void itRebuildsItselfWhileCommitsGoOn()
      throws StorageException, IOException, InterruptedException, SQLException {
    cluster.startAll();
    cluster.succeed("tenant", "create", "replace");
    BranchInfo main = cluster.branch("main");
    HostPort server = Ports.free(1).getFirst();
    cluster.startEndpointProcess(ENDPOINT, main, server);
    try (Connection connection = Sql.connect(server, "postgres")) {
      Ledger.createTable(connection);
    }
    Ledger ledger = Ledger.start(() -> server, CLIENTS);
    try (ledger) {
      assertThat(ledger.awaitProgress(COMMITS, PROGRESS_MILLIS)).isTrue();
      cluster.wipeSafekeeper(3);
      TimelineStatus rebuilt = awaitRebuilt(3, main.id());
      assertThat(rebuilt.state().generation()).isEqualTo(1);
      assertThat(ledger.awaitProgress(COMMITS, PROGRESS_MILLIS)).isTrue();

      cluster.safekeeper(1).kill9();
      assertThat(ledger.awaitProgress(COMMITS, PROGRESS_MILLIS)).as("with the new one").isTrue();
      assertThat(ledger.unknownCount()).as("connections broken").isLessThanOrEqualTo(CLIENTS);
    }
    cluster.role(ENDPOINT).kill9();
    try (Endpoint last = Endpoint.start(cluster.endpoint("main"));
        Connection connection = Sql.connect(new HostPort("127.0.0.1", last.port()), "postgres")) {
      ledger.check(connection);
    }
  }

  private TimelineStatus awaitRebuilt(int node, TenantTimelineId id) throws InterruptedException {
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(PROGRESS_MILLIS);
    try (SafekeeperClient client =
        SafekeeperClient.open(cluster.safekeeperAddresses().get(node - 1))) {
      while (true) {
        try {
          return client.status(id);
        } catch (StorageException notYet) {
          assertThat(System.nanoTime()).as(notYet.getMessage()).isLessThan(deadline);
          Thread.sleep(50);
        }
      }
    }
  }

  @Test
  void withALaggingOneItElectsNobodyUntilItIsRebuilt()
      throws StorageException, IOException, InterruptedException, SQLException {
    cluster.startAll();
    cluster.succeed("tenant", "create", "replace");
    try (Endpoint first = Endpoint.start(cluster.endpoint("main"));
        Connection connection = Sql.connect(new HostPort("127.0.0.1", first.port()), "postgres")) {
      Sql.run(connection, "create table t (id int)");
      cluster.safekeeper(1).kill9();
      Sql.run(connection, "insert into t values (1)");
    }
    cluster.safekeeper(2).kill9();
    cluster.wipeSafekeeper(3);
    cluster.startSafekeeper(1);

    assertThatThrownBy(() -> WalProposer.elect(impatient(cluster.branch("main"))).close())
        .isInstanceOf(StorageException.Transient.class)
        .hasMessageContaining("no quorum of safekeepers")
        .hasMessageContaining("safekeeper 3 does not have timeline")
        .hasMessageContaining("has to be rebuilt from its peers");
    ChildProcess.Result refused = cluster.coppice("safekeeper", "pull", "3", "main");
    assertThat(refused.exitCode()).isEqualTo(6);
    assertThat(refused.err())
        .contains("1 of 2 peers answered, 2 have to")
        .contains(cluster.safekeeperAddresses().get(1).toString());

    cluster.startSafekeeper(2);
    assertThat(cluster.succeed("safekeeper", "pull", "3", "--all", "-o", "json"))
        .contains("\"generation\" : ");
    cluster.safekeeper(2).kill9();
    assertThat(cluster.succeed("safekeeper", "status", "main").lines())
        .hasSize(1 + Cluster.SAFEKEEPERS)
        .filteredOn(line -> line.contains("io exception"))
        .singleElement()
        .asString()
        .startsWith("2");
    try (Endpoint second = Endpoint.start(cluster.endpoint("main"));
        Connection connection = Sql.connect(new HostPort("127.0.0.1", second.port()), "postgres")) {
      assertThat(Sql.rows(connection, "select id from t")).containsExactly(List.of("1"));
    }
  }

  private ProposerConfig impatient(BranchInfo branch) {
    return new ProposerConfig(
        branch.id(),
        cluster.safekeeperAddresses(),
        branch.pgMajor(),
        branch.systemId(),
        branch.walSegmentSizeBytes(),
        branch.startLsn(),
        1,
        false,
        Clock.SYSTEM,
        Ids.secureRandom(),
        ELECTION_MILLIS,
        ProposerConfig.RECENT_WAL_SIZE_BYTES_MAX_DEFAULT);
  }
}
