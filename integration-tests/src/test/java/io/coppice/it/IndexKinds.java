package io.coppice.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.rpc.HostPort;
import io.coppice.it.support.Sql;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import java.util.Random;

/** A table with an index of each kind but btree, changes of it, and checks of all indexes. */
final class IndexKinds {
  private static final List<String> INDEXES =
      List.of(
          "create index shape_hash on shape using hash (tag)",
          "create index shape_gin on shape using gin (words)",
          "create index shape_gin_direct on shape using gin (tags) with (fastupdate = off)",
          "create index shape_gist on shape using gist (place)",
          "create index shape_gist_range on shape using gist (span)",
          "create index shape_spgist on shape using spgist (spot)",
          "create index shape_spgist_text on shape using spgist (label)",
          "create index shape_brin on shape using brin (id) with (pages_per_range = 2)",
          "create index shape_brin_box on shape using brin (extent) with (pages_per_range = 4)",
          "create index shape_bloom on shape using bloom (kind, id)");

  /** Each finds rows by one of them. */
  private static final List<String> CONDITIONS =
      List.of(
          "tag = 'tag 7'",
          "words @@ to_tsquery('simple', 'w3 & w5')",
          "tags @> array[3]",
          "place <@ box '((10,10),(60,60))'",
          "span && int4range(500, 600)",
          "spot <@ box '((10,10),(60,60))'",
          "label ^@ 'a'",
          "id between 100 and 300",
          "extent && box '((10,10),(20,20))'",
          "kind = 4");

  private IndexKinds() {}

  static void create(Connection connection) throws SQLException {
    Sql.run(
        connection,
        "create extension if not exists bloom",
        """
        create table shape (id serial, kind int, tag text, words tsvector, tags int[],
          place point, span int4range, spot point, label text, extent box)
        """);
    insert(connection, 1_500);
    for (String index : INDEXES) {
      Sql.run(connection, index);
    }
  }

  private static void insert(Connection connection, int rows) throws SQLException {
    Sql.run(
        connection,
        """
        insert into shape (kind, tag, words, tags, place, span, spot, label, extent)
        select n %% 9, 'tag ' || n %% 90,
          to_tsvector('simple', 'w' || n %% 7 || ' w' || n %% 11 || ' ' || md5(n::text)),
          array[n %% 50, n %% 13, n], point(n %% 101, n %% 89),
          int4range(n, n + n %% 40), point(r * 100, n %% 97), md5(n::text),
          box(point(n %% 100, n %% 100), point(n %% 100 + 3, n %% 100 + 4))
        from (select (random() * 5000)::int n, random() r from generate_series(1, %d)) s
        """
            .formatted(rows));
  }

  static void change(Connection connection, Random random) throws SQLException {
    insert(connection, 50 + random.nextInt(300));
    switch (random.nextInt(6)) {
      case 0 -> Sql.run(connection, "vacuum shape");
      case 1 -> Sql.run(connection, "update shape set tag = tag || 'u' where id % 11 = 0");
      case 2 ->
          Sql.run(
              connection,
              "select brin_desummarize_range('shape_brin', 0)",
              "select brin_summarize_new_values('shape_brin')",
              "select gin_clean_pending_list('shape_gin')");
      case 3 -> Sql.run(connection, "reindex index " + index(random));
      case 4 ->
          Sql.run(connection, "delete from shape where id %% 5 = %d".formatted(random.nextInt(5)));
      default -> Sql.run(connection, "update shape set place = point(kind, id) where kind = 3");
    }
  }

  private static String index(Random random) {
    String statement = INDEXES.get(random.nextInt(INDEXES.size()));
    return statement.split(" ", 4)[2];
  }

  /** That indexes find what is in their tables, and that all is as Postgres wants it. */
  static void check(HostPort server, String database) throws SQLException {
    try (Connection connection = Sql.connect(server, database)) {
      for (String condition : CONDITIONS) {
        String query = "select count(*), sum(id) from shape where " + condition;
        Sql.run(connection, "set enable_seqscan = on", "set enable_indexscan = off");
        Sql.run(connection, "set enable_bitmapscan = off");
        List<List<String>> expected = Sql.rows(connection, query);
        Sql.run(connection, "set enable_seqscan = off", "set enable_indexscan = on");
        Sql.run(connection, "set enable_bitmapscan = on");
        assertThat(Sql.rows(connection, query)).as(condition).isEqualTo(expected);
        assertThat(expected.getFirst().getFirst()).as(condition).isNotEqualTo("0");
      }
      Sql.run(connection, "create extension amcheck");
      Sql.rows(
          connection,
          """
          select bt_index_check(c.oid, true) from pg_class c
          join pg_index i on i.indexrelid = c.oid join pg_am a on a.oid = c.relam
          where amname = 'btree' and relkind = 'i' and relpersistence = 'p' and indisvalid
          """);
      assertThat(
              Sql.rows(
                  connection,
                  """
                  select c.relname, v.* from pg_class c, lateral verify_heapam(c.oid) v
                  where relkind in ('r', 't', 'm') and relpersistence = 'p'
                  """))
          .as("verify_heapam of database %s", database)
          .isEmpty();
    }
  }
}
