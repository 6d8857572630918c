package io.coppice.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.rpc.HostPort;
import io.coppice.compute.archive.TarUnpacker;
import io.coppice.compute.endpoint.Endpoint;
import io.coppice.compute.endpoint.EndpointOutcome;
import io.coppice.compute.endpoint.EndpointSpec;
import io.coppice.compute.endpoint.EndpointStatus;
import io.coppice.compute.storage.BranchInfo;
import io.coppice.it.support.Sql;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What the page server makes of WAL is what Postgres has on its disk. */
@Tag("process")
@Timeout(value = 10, unit = TimeUnit.MINUTES)
final class PageEqualityTest {
  private static final int SESSIONS = 3;
  private static final int OPERATIONS = 120;
  private static final long WAIT_MILLIS = 120_000;

  /** Small, so that pages come from several layers and from memory. */
  @RegisterExtension final Cluster cluster = new Cluster("pageserver.open_layer_size_max=16MB");

  private static final Map<String, String> SETTINGS =
      Map.of(
          "max_prepared_transactions", "50",
          "autovacuum_naptime", "1s",
          "autovacuum_vacuum_scale_factor", "0.02",
          "deadlock_timeout", "200ms");

  @ParameterizedTest
  @ValueSource(ints = {14, 15, 16, 17, 18})
  void everyPageEqualsPostgresOwn(int major)
      throws StorageException, IOException, SQLException, InterruptedException {
    cluster.startAll();
    cluster.succeed("tenant", "create", "equality", "--pg-version", "" + major);
    runFirstEndpoint(major);
    EndpointSpec spec = cluster.endpoint("main").withSettings(SETTINGS).withKeepData(true);
    Endpoint endpoint = Endpoint.start(spec);
    RelationKinds kinds;
    EndpointOutcome outcome;
    try (endpoint) {
      kinds = runSecondLoad(major, server(endpoint));
      outcome = endpoint.stop();
    }
    assertThat(outcome.status()).as(outcome.reason()).isEqualTo(EndpointStatus.STOPPED);
    BranchInfo branch =
        cluster
            .client()
            .waitForLsn(cluster.tenant().id(), "main", outcome.commitLsn(), WAIT_MILLIS);
    compare(branch, endpoint.state().dataPath(), kinds);
  }

  private static HostPort server(Endpoint endpoint) {
    return new HostPort("127.0.0.1", endpoint.port());
  }

  /** Its pages are read again by the second one's base backup. */
  private void runFirstEndpoint(int major)
      throws StorageException, SQLException, InterruptedException {
    EndpointSpec spec = cluster.endpoint("main").withSettings(SETTINGS);
    try (Endpoint endpoint = Endpoint.start(spec)) {
      HostPort server = server(endpoint);
      try (Connection connection = Sql.connect(server, "postgres")) {
        Sql.run(
            connection,
            "create database second" + strategy(major, "wal_log"),
            "create database gone");
      }
      MixedLoad load = new MixedLoad(server, "postgres");
      load.createSchema();
      load.run(SESSIONS, OPERATIONS, 1);
      System.out.println(load.summary());
      assertThat(endpoint.stop().status()).isEqualTo(EndpointStatus.STOPPED);
    }
  }

  /** 14 only copies files. */
  private static String strategy(int major, String strategy) {
    return major < 15 ? "" : " strategy " + strategy;
  }

  private static RelationKinds runSecondLoad(int major, HostPort server)
      throws SQLException, InterruptedException {
    MixedLoad second = new MixedLoad(server, "second");
    second.createSchema();
    MixedLoad first = new MixedLoad(server, "postgres");
    Thread both = Thread.ofPlatform().start(() -> runQuietly(second));
    first.run(SESSIONS, OPERATIONS, 3);
    both.join();
    System.out.println(first.summary());
    System.out.println(second.summary());
    for (String operation : List.of("multixact", "two-phase", "savepoints", "truncate", "index")) {
      assertThat(first.doneCount(operation) + second.doneCount(operation))
          .as(operation)
          .isPositive();
    }
    try (Connection connection = Sql.connect(server, "postgres")) {
      Sql.run(
          connection,
          "create database third template second" + strategy(major, "file_copy"),
          "create database fourth template second" + strategy(major, "wal_log"),
          "drop database gone",
          "vacuum full pg_class",
          "create role somebody",
          "begin",
          "create table prepared_only (id int primary key)",
          "insert into prepared_only select generate_series(1, 500)",
          "prepare transaction 'left over'");
    }
    try (Connection connection = Sql.connect(server, "third")) {
      Sql.run(connection, "update account set balance = -1 where id < 500", "vacuum account");
    }
    return RelationKinds.read(server);
  }

  private static void runQuietly(MixedLoad load) {
    try {
      load.run(SESSIONS - 1, OPERATIONS, 2);
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  private void compare(BranchInfo branch, Path dataDirectory, RelationKinds kinds)
      throws StorageException, IOException {
    Lsn lsn = branch.lastRecordLsn();
    Path backup = Files.createDirectory(cluster.directory().resolve("backup"));
    try (InputStream tar = cluster.client().baseBackup(branch.id(), lsn)) {
      TarUnpacker.unpackData(tar, backup);
    }
    PageEquality equality =
        new PageEquality(
            cluster.client(),
            branch.id(),
            lsn,
            dataDirectory,
            kinds,
            Set.of(kinds.databaseOid("fourth")));
    equality.run(backup);
    System.out.printf("page equality at %s: %s%n", lsn, equality.counts());
    assertThat(equality.differences()).isEmpty();
    Map<String, Integer> counts = equality.counts();
    assertThat(counts.get("heap pages")).isGreaterThan(2_000);
    assertThat(counts.get("btree pages")).isGreaterThan(1_000);
    assertThat(counts.get("sequence pages")).isPositive();
    assertThat(counts.get("visibility_map pages")).isGreaterThan(100);
    assertThat(counts.get("init forks")).isPositive();
    assertThat(counts.get("transaction log segments")).isGreaterThanOrEqualTo(3);
    assertThat(counts.get("pg_twophase small files")).isEqualTo(1);
  }
}
