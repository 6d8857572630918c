package io.coppice.pageserver.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.id.Lsn;
import io.coppice.pageserver.query.CommitIndex;
import io.coppice.pageserver.timeline.Timeline;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Import, base backup and ingest, judged by a stock Postgres that starts from what they made. */
@Tag("process")
@Timeout(value = 300, unit = TimeUnit.SECONDS)
final class RealPostgresTest {
  private static final String CHECKSUMS_OF_ALL =
      """
      select 'accounts', count(*), sum(hashtextextended(a::text, 0)) from accounts a
      union all select 'notes', count(*), sum(hashtextextended(n::text, 0)) from notes n
      union all select 'logged', count(*), sum(hashtextextended(l::text, 0)) from logged l
      union all select 'ids', (last_value between 101 and 133)::int, 0 from ids
      union all select 'prepared', count(*), 0 from pg_prepared_xacts
      """;

  @TempDir Path directory;

  @Test
  void backupsOfImportAndOfWalTakenInStartWithTheSameData() throws Exception {
    try (Branches branches = new Branches(directory, 4 << 20)) {
      Timeline timeline = branches.importDirectory(newCluster("--data-checksums"));
      assertThat(timeline.startLsn()).isEqualTo(timeline.lastRecordLsn());

      String before;
      String expected;
      Lsn middle;
      try (Postgres first = branches.restore(timeline, timeline.startLsn(), dir("first"))) {
        first.start();
        assertThat(first.sql("postgres", "select count(*) from accounts")).isEqualTo("1000");
        assertThat(first.sql("postgres", "select count(*) from lost")).isEqualTo("0");
        load(first);
        before = first.sql("postgres", CHECKSUMS_OF_ALL);
        middle = Lsn.parse(first.sql("postgres", "select pg_current_wal_insert_lsn()"));
        first.sql("postgres", "delete from accounts where id % 3 = 0");
        first.sql("postgres", "vacuum accounts");
        first.sql("postgres", "truncate notes");
        first.sql("postgres", "create database copied template template1 strategy file_copy");
        first.sql("copied", "create table here(i int); insert into here values (1), (2)");
        first.sql("postgres", "drop database other");
        expected = first.sql("postgres", CHECKSUMS_OF_ALL);
        first.stop();
        assertThat(Branches.ingest(timeline, first)).isGreaterThan(1_000);
        PagesOnDisk.assertEqual(timeline, first);
      }

      try (Postgres second = branches.restore(timeline, timeline.lastRecordLsn(), dir("second"))) {
        second.start();
        assertThat(second.sql("postgres", CHECKSUMS_OF_ALL)).isEqualTo(expected);
        assertThat(second.sql("copied", "select sum(i) from here")).isEqualTo("3");
        second.sql("postgres", "commit prepared 'both'");
        second.sql(
            "postgres",
            "insert into accounts select g, 1, 'z' from generate_series(1e6, 1e6 + 9) g");
        second.run(
            "pg_amcheck",
            "-h",
            "127.0.0.1",
            "-p",
            "" + second.port(),
            "-U",
            "postgres",
            "--install-missing",
            "-a");
      }
      try (Postgres third =
          branches.restore(timeline, commitBefore(timeline, middle), dir("third"))) {
        third.start();
        assertThat(third.sql("postgres", CHECKSUMS_OF_ALL)).isEqualTo(before);
        assertThat(third.sql("other", "select count(*) from t")).isEqualTo("5");
      }
    }
  }

  private static Lsn commitBefore(Timeline timeline, Lsn lsn) throws Exception {
    return CommitIndex.lastAtOrBefore(timeline, lsn).orElseThrow().lsn();
  }

  private Path dir(String name) {
    return directory.resolve(name);
  }

  private Path newCluster(String... options) throws Exception {
    try (Postgres server = new Postgres(dir("initial"))) {
      server.initdb(options);
      server.start();
      server.sql(
          "postgres",
          """
          create table accounts(id bigint primary key, n int, filler text);
          insert into accounts select g, g, repeat('x', 50) from generate_series(1, 1000) g;
          create unlogged table lost(i int);
          insert into lost select generate_series(1, 100);
          create sequence ids;
          select nextval('ids');
          """);
      server.stop();
    }
    return dir("initial");
  }

  private static void load(Postgres server) throws Exception {
    server.sql(
        "postgres",
        """
        insert into accounts select g, g, repeat('y', 100) from generate_series(1001, 20000) g;
        update accounts set n = n + 1 where id % 5 = 0;
        create table notes(i int, t text);
        insert into notes select g, repeat(md5(g::text), 200) from generate_series(1, 300) g;
        create index on notes(i);
        create table logged(i int, j int);
        insert into logged select g, g from generate_series(1, 5000) g;
        """);
    server.sql("postgres", "vacuum (freeze) accounts");
    server.sql("postgres", "delete from logged where i > 100; ");
    server.sql("postgres", "vacuum logged");
    server.sql(
        "postgres",
        """
        begin; savepoint a; insert into logged values (-1, 1); savepoint b;
        insert into logged values (-2, 2); rollback to savepoint b; commit
        """);
    server.sql("postgres", "begin; insert into logged values (-3, 3); prepare transaction 'both'");
    server.sql("postgres", "select count(nextval('ids')) from generate_series(1, 100)");
    server.sql("postgres", "update accounts set n = n + 1");
    server.sql("postgres", "create database other");
    server.sql("other", "create table t(i int); insert into t select generate_series(1, 5)");
    server.sql("postgres", "alter table notes set unlogged; alter table notes set logged");
    server.sql("postgres", "select pg_switch_wal()");
    server.sql("postgres", "checkpoint");
  }
}
