package io.coppice.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.platform.Ids;
import io.coppice.common.rpc.HostPort;
import io.coppice.compute.endpoint.Endpoint;
import io.coppice.compute.endpoint.EndpointSpec;
import io.coppice.compute.postgres.RunAs;
import io.coppice.compute.storage.BranchPoint;
import io.coppice.compute.storage.TenantInfo;
import io.coppice.it.support.Majors;
import io.coppice.it.support.Sql;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Tablespaces that users make are on every branch, and are each branch's own. */
@Tag("process")
@Timeout(value = 10, unit = TimeUnit.MINUTES)
final class TablespaceTest {
  private static final List<Integer> MAJORS = Majors.tested();

  /** The others are there to see what their servers say to a directory in place of a link. */
  private static final int MAJOR_IN_FULL = 15;

  private static final long WAIT_MILLIS = 60_000;
  private static final String TABLESPACES =
      "select string_agg(spcname, ' ' order by spcname) from pg_tablespace where spcname !~ '^pg_'";

  @RegisterExtension final Cluster cluster = new Cluster("pageserver.open_layer_size_max=4MB");

  /** The rows of the tables at a moment. */
  private record Moment(String name, Lsn lsn, String tablespaces, List<String> fingerprints) {}

  @Test
  void tablespacesBranchWithAllThatIsInThem()
      throws StorageException, IOException, SQLException, InterruptedException {
    cluster.startAll();
    for (int major : MAJORS) {
      String name = "v" + major;
      cluster.succeed("tenant", "create", name, "--pg-version", Integer.toString(major));
      TenantInfo tenant =
          cluster.client().listTenants().stream()
              .filter(each -> each.name().equals(name))
              .findFirst()
              .orElseThrow();
      new OneTenant(tenant.id(), major).run();
    }
  }

  /** The story of one cluster. */
  private final class OneTenant {
    private final TenantId tenant;
    private final int major;
    private final Path fast;
    private final Path other;
    private final List<Moment> moments = new ArrayList<>();

    OneTenant(TenantId tenant, int major)
        throws IOException, StorageException, InterruptedException {
      this.tenant = tenant;
      this.major = major;
      this.fast = location("fast-" + major);
      this.other = location("other-" + major);
    }

    private Path location(String name) throws IOException, StorageException, InterruptedException {
      Path path = Files.createDirectory(cluster.directory().resolve(name));
      RunAs.resolve(Optional.empty()).own(path);
      return path;
    }

    void run() throws StorageException, IOException, SQLException, InterruptedException {
      try (Endpoint main = start("main")) {
        makeHistory(server(main));
        cluster.client().waitForLsn(tenant, "main", moments.getLast().lsn(), WAIT_MILLIS);
        for (Moment moment : major == MAJOR_IN_FULL ? moments : moments.subList(1, 2)) {
          cluster
              .client()
              .createBranch(
                  tenant,
                  Ids.newTimelineId(Ids.secureRandom()),
                  moment.name(),
                  "main",
                  new BranchPoint.AtLsn(moment.lsn()));
          // Beside main, which has its files where the user put them.
          expectOnBranch(moment);
        }
      }
      assertThat(list(fast)).as("what the run left at its location").isEmpty();
      if (major == MAJOR_IN_FULL) {
        expectOnMainAfterRestart();
        expectDropAndMakeAgain();
      }
    }

    private void makeHistory(HostPort server) throws SQLException {
      try (Connection postgres = Sql.connect(server, "postgres")) {
        Sql.run(
            postgres,
            "create table plain (id int primary key, v text)",
            "insert into plain select i, md5(i::text) from generate_series(1, 3000) i");
        remember("none", server, "plain");
        Sql.run(
            postgres,
            "create tablespace fast location '%s'".formatted(fast),
            "create tablespace empty_one location '%s'".formatted(other),
            "create table quick (id int primary key using index tablespace fast, v text)"
                + " tablespace fast",
            "insert into quick select i, md5(i::text) from generate_series(1, 5000) i",
            "create unlogged table scratch (id int) tablespace fast",
            "insert into scratch values (1)",
            "create index plain_v on plain (v) tablespace fast",
            "create database elsewhere tablespace fast");
        try (Connection elsewhere = Sql.connect(server, "elsewhere")) {
          Sql.run(
              elsewhere,
              "create table here (id int primary key, v text)",
              "insert into here select i, md5(i::text) from generate_series(1, 2000) i",
              "create table there (id int) tablespace pg_default",
              "insert into there values (1), (2)");
        }
        remember("made", server, "plain", "quick", "elsewhere:here", "elsewhere:there");
        String copy = major >= 15 ? " strategy file_copy" : "";
        Sql.run(
            postgres,
            "alter table plain set tablespace fast",
            "alter index quick_pkey set tablespace pg_default",
            "alter table quick set tablespace empty_one",
            "delete from quick where id % 3 = 0",
            "create database copied template elsewhere tablespace empty_one" + copy,
            "alter database elsewhere set tablespace empty_one",
            "checkpoint");
        if (major >= 15) {
          Sql.run(postgres, "create database logged template elsewhere strategy wal_log");
          remember(
              "moved",
              server,
              "plain",
              "quick",
              "elsewhere:here",
              "elsewhere:there",
              "copied:here",
              "copied:there",
              "logged:here",
              "logged:there");
          Sql.run(postgres, "drop database logged");
        }
        Sql.run(
            postgres,
            "drop database copied",
            "drop database elsewhere",
            "alter table quick set tablespace pg_default",
            "drop tablespace empty_one");
        remember("dropped", server, "plain", "quick");
      }
    }

    private void remember(String name, HostPort server, String... tables) throws SQLException {
      try (Connection postgres = Sql.connect(server, "postgres")) {
        Lsn lsn = Lsn.parse(Sql.one(postgres, "select pg_current_wal_lsn()"));
        moments.add(
            new Moment(name, lsn, Sql.one(postgres, TABLESPACES), read(server, List.of(tables))));
      }
    }

    /** A line for each table: its database and name, its number of rows, a sum of all of them. */
    private static List<String> read(HostPort server, List<String> tables) throws SQLException {
      List<String> lines = new ArrayList<>();
      for (String table : tables) {
        int colon = table.indexOf(':');
        String database = colon < 0 ? "postgres" : table.substring(0, colon);
        try (Connection connection = Sql.connect(server, database)) {
          String query =
              "select count(*) || ' ' || coalesce(sum(hashtextextended(t::text, 0)), 0) from %s t"
                  .formatted(table.substring(colon + 1));
          lines.add(table + " " + Sql.one(connection, query));
          Sql.run(connection, "set enable_seqscan = off", "set enable_bitmapscan = off");
          assertThat(table + " " + Sql.one(connection, query + " where id > 0"))
              .isEqualTo(lines.getLast());
        }
      }
      return lines;
    }

    private static List<String> tables(Moment moment) {
      return moment.fingerprints().stream()
          .map(line -> line.substring(0, line.indexOf(' ')))
          .toList();
    }

    private Endpoint start(String branch) throws StorageException, InterruptedException {
      return Endpoint.start(
          EndpointSpec.of(
              cluster.client(),
              cluster.safekeeperAddresses(),
              tenant,
              branch,
              cluster.dataDirectory()));
    }

    private void expectOnBranch(Moment moment)
        throws StorageException, SQLException, InterruptedException {
      try (Endpoint branch = start(moment.name());
          Connection connection = Sql.connect(server(branch), "postgres")) {
        assertThat(Sql.one(connection, TABLESPACES)).isEqualTo(moment.tablespaces());
        assertThat(read(server(branch), tables(moment)))
            .as("branch %s of major %d", moment.name(), major)
            .isEqualTo(moment.fingerprints());
        for (List<String> row :
            Sql.rows(
                connection, "select oid, spcname from pg_tablespace where spcname !~ '^pg_'")) {
          String oid = row.getFirst();
          Sql.run(
              connection,
              "select pg_tablespace_size(%s), pg_tablespace_location(%s)".formatted(oid, oid),
              "select * from pg_tablespace_databases(%s)".formatted(oid),
              "create temp table sorted tablespace %s as select i from generate_series(1, 9) i"
                  .formatted(row.get(1)),
              "drop table sorted");
        }
        dropAll(server(branch));
      }
    }

    /** Everything that is in a tablespace of its own, and then those. */
    private void dropAll(HostPort server) throws SQLException {
      try (Connection connection = Sql.connect(server, "postgres")) {
        for (List<String> row :
            Sql.rows(connection, "select datname from pg_database where oid >= 16384")) {
          Sql.run(connection, "drop database " + row.getFirst());
        }
        Sql.run(connection, "drop table if exists quick, plain, scratch");
        for (List<String> row :
            Sql.rows(connection, "select spcname from pg_tablespace where spcname !~ '^pg_'")) {
          Sql.run(connection, "drop tablespace " + row.getFirst());
        }
      }
    }

    private void expectOnMainAfterRestart()
        throws StorageException, SQLException, InterruptedException {
      Moment last = moments.getLast();
      try (Endpoint main = start("main");
          Connection connection = Sql.connect(server(main), "postgres")) {
        assertThat(read(server(main), tables(last))).isEqualTo(last.fingerprints());
        assertThat(Sql.one(connection, "select count(*) from scratch")).isEqualTo("0");
        dropAll(server(main));
      }
    }

    /**
     * The location is free again, though the run that first used it had no time to drop anything.
     */
    private void expectDropAndMakeAgain()
        throws StorageException, SQLException, InterruptedException {
      try (Endpoint main = start("main");
          Connection connection = Sql.connect(server(main), "postgres")) {
        assertThat(Sql.one(connection, TABLESPACES)).isEmpty();
        Sql.run(
            connection,
            "create tablespace fast location '%s'".formatted(fast),
            "create table quick tablespace fast as select 1 as id");
      }
      try (Endpoint main = start("main");
          Connection connection = Sql.connect(server(main), "postgres")) {
        assertThat(Sql.one(connection, "select id from quick")).isEqualTo("1");
      }
    }
  }

  private static List<Path> list(Path directory) throws IOException {
    try (Stream<Path> entries = Files.list(directory)) {
      return entries.toList();
    }
  }

  private static HostPort server(Endpoint endpoint) {
    return new HostPort("127.0.0.1", endpoint.port());
  }
}
