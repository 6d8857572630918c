package io.coppice.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantId;
import io.coppice.common.platform.Ids;
import io.coppice.common.rpc.HostPort;
import io.coppice.compute.endpoint.Endpoint;
import io.coppice.compute.endpoint.EndpointSpec;
import io.coppice.compute.storage.BranchPoint;
import io.coppice.compute.storage.TenantInfo;
import io.coppice.it.support.Majors;
import io.coppice.it.support.Sql;
import java.io.IOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.RegisterExtension;

/** An endpoint knows where its tables have room, though no server ever logged it. */
@Tag("process")
@Timeout(value = 15, unit = TimeUnit.MINUTES)
final class FreeSpaceTest {
  private static final List<Integer> MAJORS = Majors.tested();

  /** Rows in "gaps": enough that its map has two pages of the lowest level. */
  private static final int ROWS = 4_200;

  private static final String BLOCKS = "select pg_relation_size('%s') / 8192";

  /**
   * Blocks whose entry in the map compares so with the room on their page, rounded down as Postgres
   * does.
   */
  private static final String ENTRIES =
      """
      select count(*) from pg_freespace('%1$s') f,
        lateral page_header(get_raw_page('%1$s', f.blkno::int)) p
      where f.avail %2$s case
        when upper = 0 or upper - lower - 4 >= 8160 then 8160
        else greatest(upper - lower - 4, 0) / 32 * 32 end
      """;

  @RegisterExtension final Cluster cluster = new Cluster();

  @Test
  void endpointReusesRoomThatIsOlderThanItsBranch()
      throws StorageException, IOException, SQLException, InterruptedException {
    cluster.startAll();
    for (int major : MAJORS) {
      String name = "v" + major;
      cluster.succeed("tenant", "create", name, "--pg-version", Integer.toString(major));
      TenantId tenant =
          cluster.client().listTenants().stream()
              .filter(each -> each.name().equals(name))
              .map(TenantInfo::id)
              .findFirst()
              .orElseThrow();
      try (Endpoint main = start(tenant, "main");
          Connection connection = connect(main)) {
        makeGaps(connection);
      }
      cluster
          .client()
          .createBranch(
              tenant,
              Ids.newTimelineId(Ids.secureRandom()),
              "later",
              "main",
              new BranchPoint.Newest());
      try (Endpoint branch = start(tenant, "later");
          Connection connection = connect(branch)) {
        expectMapsThatHold(connection);
        expectReuse(connection);
      }
    }
  }

  private Endpoint start(TenantId tenant, String branch)
      throws StorageException, InterruptedException {
    return Endpoint.start(
        EndpointSpec.of(
            cluster.client(),
            cluster.safekeeperAddresses(),
            tenant,
            branch,
            cluster.dataDirectory()));
  }

  private static Connection connect(Endpoint endpoint) throws SQLException {
    return Sql.connect(new HostPort("127.0.0.1", endpoint.port()), "postgres");
  }

  private static void makeGaps(Connection connection) throws SQLException {
    Sql.run(
        connection,
        "create extension pg_freespacemap",
        "create extension pageinspect",
        "create table gaps (id int primary key, v text) with (autovacuum_enabled = off)",
        "alter table gaps alter v set storage plain",
        "insert into gaps select i, repeat('x', 4000 + i %% 3000) from generate_series(1, %d) i"
            .formatted(ROWS),
        "delete from gaps where id % 3 = 0",
        "vacuum gaps",
        // Its rows are dead, but nobody has looked: the map says what the pages say.
        "create table dead (id int, v text) with (autovacuum_enabled = off)",
        "insert into dead select i, md5(i::text) from generate_series(1, 5000) i",
        "delete from dead where id % 2 = 0",
        "create table small as select 1 as id");
  }

  private static void expectMapsThatHold(Connection connection) throws SQLException {
    assertThat(Sql.number(connection, BLOCKS.formatted("gaps"))).isGreaterThan(4_069);
    for (String table : List.of("gaps", "dead")) {
      assertThat(Sql.one(connection, ENTRIES.formatted(table, "<>"))).as(table).isEqualTo("0");
    }
    for (String catalog : List.of("pg_class", "pg_proc", "pg_attribute")) {
      // Somebody may have read one meanwhile, and so cleared dead rows away.
      assertThat(Sql.one(connection, ENTRIES.formatted(catalog, ">"))).as(catalog).isEqualTo("0");
    }
    assertThat(Sql.number(connection, "select sum(avail) from pg_freespace('gaps')"))
        .isGreaterThan(ROWS / 3 * 4_000L);
    for (String none : List.of("gaps_pkey", "small")) {
      assertThat(Sql.one(connection, "select pg_relation_size('%s', 'fsm')".formatted(none)))
          .as(none)
          .isEqualTo("0");
    }
  }

  private static void expectReuse(Connection connection) throws SQLException {
    String before = Sql.one(connection, BLOCKS.formatted("gaps"));
    Sql.run(
        connection,
        "insert into gaps select %1$d + i, repeat('y', 2000) from generate_series(1, %2$d) i"
            .formatted(ROWS, ROWS / 3));
    assertThat(Sql.one(connection, BLOCKS.formatted("gaps"))).isEqualTo(before);
    Sql.run(
        connection,
        "vacuum gaps",
        "vacuum (freeze, analyze) dead",
        "insert into dead select i, md5(i::text) from generate_series(1, 2000) i");
    assertThat(Sql.one(connection, ENTRIES.formatted("gaps", "<>"))).isEqualTo("0");
    Sql.run(connection, "delete from gaps where id > 2000", "vacuum gaps", "vacuum full dead");
    assertThat(Sql.number(connection, BLOCKS.formatted("gaps"))).isLessThan(Long.parseLong(before));
  }
}
