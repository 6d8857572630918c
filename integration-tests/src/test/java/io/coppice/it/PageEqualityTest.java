package io.coppice.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.platform.Ids;
import io.coppice.common.rpc.HostPort;
import io.coppice.compute.archive.TarUnpacker;
import io.coppice.compute.endpoint.Endpoint;
import io.coppice.compute.endpoint.EndpointOutcome;
import io.coppice.compute.endpoint.EndpointSpec;
import io.coppice.compute.endpoint.EndpointStatus;
import io.coppice.compute.storage.BranchInfo;
import io.coppice.compute.storage.BranchPoint;
import io.coppice.it.support.Majors;
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
import org.junit.jupiter.params.provider.MethodSource;

/** What the page server makes of WAL is what Postgres has on its disk. */
@Tag("process")
@Timeout(value = 10, unit = TimeUnit.MINUTES)
final class PageEqualityTest {

  /** With the others it is seen that their records are known, with this one that all is. */
  private static final int MAJOR_IN_FULL = 15;

  private static final long WAIT_MILLIS = 120_000;

  /** Small, so that pages come from several layers and from memory. */
  @RegisterExtension final Cluster cluster = new Cluster("pageserver.open_layer_size_max=16MB");

  private static final Map<String, String> SETTINGS =
      Map.of(
          "max_prepared_transactions", "50",
          "autovacuum_naptime", "1s",
          "autovacuum_vacuum_scale_factor", "0.02",
          "deadlock_timeout", "200ms");

  /** How much is done. */
  private record Size(int sessions, int operations) {
    static Size of(int major) {
      return major == MAJOR_IN_FULL ? new Size(3, 120) : new Size(2, 50);
    }
  }

  /** What the second load leaves, and where it was half-way. */
  private record Loaded(RelationKinds kinds, Lsn middle) {}

  static List<Integer> majors() {
    return Majors.tested();
  }

  @ParameterizedTest
  @MethodSource("majors")
  void everyPageEqualsPostgresOwn(int major)
      throws StorageException, IOException, SQLException, InterruptedException {
    cluster.startAll();
    cluster.succeed("tenant", "create", "equality", "--pg-version", "" + major);
    runFirstEndpoint(major);
    EndpointSpec spec = cluster.endpoint("main").withSettings(SETTINGS).withKeepData(true);
    Endpoint endpoint = Endpoint.start(spec);
    Loaded loaded;
    EndpointOutcome outcome;
    try (endpoint) {
      loaded = runSecondLoad(major, server(endpoint));
      outcome = endpoint.stop();
    }
    assertThat(outcome.status()).as(outcome.reason()).isEqualTo(EndpointStatus.STOPPED);
    BranchInfo branch =
        cluster
            .client()
            .waitForLsn(cluster.tenant().id(), "main", outcome.commitLsn(), WAIT_MILLIS);
    compare(branch, endpoint.state().dataPath(), loaded.kinds());
    checkMiddle(loaded.middle());
  }

  /** A branch made in the midst of transactions is whole. */
  private void checkMiddle(Lsn middle) throws StorageException, SQLException, InterruptedException {
    cluster
        .client()
        .createBranch(
            cluster.tenant().id(),
            Ids.newTimelineId(Ids.secureRandom()),
            "middle",
            "main",
            new BranchPoint.AtLsn(middle));
    try (Endpoint endpoint = Endpoint.start(cluster.endpoint("middle").withSettings(SETTINGS))) {
      IndexKinds.check(server(endpoint), "postgres");
      IndexKinds.check(server(endpoint), "second");
    }
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
      load.run(Size.of(major).sessions(), Size.of(major).operations(), 1);
      System.out.println(load.summary());
      assertThat(endpoint.stop().status()).isEqualTo(EndpointStatus.STOPPED);
    }
  }

  /** 14 only copies files. */
  private static String strategy(int major, String strategy) {
    return major < 15 ? "" : " strategy " + strategy;
  }

  private static Loaded runSecondLoad(int major, HostPort server)
      throws SQLException, InterruptedException {
    MixedLoad second = new MixedLoad(server, "second");
    second.createSchema();
    MixedLoad first = new MixedLoad(server, "postgres");
    Size size = Size.of(major);
    Thread both = Thread.ofPlatform().start(() -> runQuietly(second, size));
    first.run(size.sessions(), size.operations() / 2, 3);
    Lsn middle;
    try (Connection connection = Sql.connect(server, "postgres")) {
      middle = Lsn.parse(Sql.one(connection, "select pg_current_wal_insert_lsn()"));
    }
    first.run(size.sessions(), size.operations() / 2, 4);
    both.join();
    System.out.println(first.summary());
    System.out.println(second.summary());
    List<String> rare = List.of("multixact", "two-phase", "savepoints", "truncate", "index");
    for (String operation : major == MAJOR_IN_FULL ? rare : List.of("index kinds")) {
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
    return new Loaded(RelationKinds.read(server), middle);
  }

  private static void runQuietly(MixedLoad load, Size size) {
    try {
      load.run(size.sessions() - 1, size.operations(), 2);
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
    for (String kind : List.of("hash", "gin", "gist", "spgist", "brin", "other_index")) {
      assertThat(counts.get(kind + " pages")).as(kind).isGreaterThan(4);
    }
    assertThat(counts.get("visibility_map pages")).isGreaterThan(100);
    assertThat(counts.get("init forks")).isPositive();
    assertThat(counts.get("transaction log segments")).isGreaterThanOrEqualTo(3);
    assertThat(counts.get("pg_twophase small files")).isEqualTo(1);
  }
}
