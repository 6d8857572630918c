package io.coppice.pageserver.process;

/** Work that leaves pages of each kind, with many changes of the same ones. */
final class LayerLoad {
  private LayerLoad() {}

  /** Tables with an index of each kind; the server is stopped again. */
  static void create(Postgres server) throws Exception {
    server.start();
    server.sql(
        "postgres",
        """
        create table accounts (id bigint primary key, n int, filler text);
        create table shapes (id serial, tag text, tags int[], place point, label text);
        create index shapes_hash on shapes using hash (tag);
        create index shapes_gin on shapes using gin (tags);
        create index shapes_gist on shapes using gist (place);
        create index shapes_spgist on shapes using spgist (label);
        create index shapes_brin on shapes using brin (id) with (pages_per_range = 2);
        create table notes (i int, t text);
        create table goes (i int);
        """);
    server.stop();
  }

  static void run(Postgres server, int round) throws Exception {
    server.sql(
        "postgres",
        """
        insert into accounts select %1$d * 100000 + g, g, repeat('x', g %% 80)
          from generate_series(1, 3000) g;
        update accounts set n = n + 1 where id %% 3 = %1$d %% 3;
        delete from accounts where id %% 7 = %1$d;
        insert into shapes (tag, tags, place, label)
          select 'tag ' || g %% 90, array[g %% 50, g %% 13, g], point(g %% 101, g %% 89), md5(g::text)
          from generate_series(%1$d, 1200 + %1$d) g;
        update shapes set tag = tag || 'u' where id %% 11 = %1$d;
        insert into notes select g, repeat(md5(g::text), 150) from generate_series(1, 60) g;
        truncate goes;
        insert into goes select generate_series(1, 100 * %1$d);
        """
            .formatted(round));
    server.sql("postgres", "vacuum accounts, shapes");
    server.sql(
        "postgres", "update accounts set filler = 'round %d' where id %% 5 = 0".formatted(round));
    server.sql("postgres", "begin; insert into notes values (-1, 'none'); rollback");
    if (round % 2 == 0) {
      server.sql("postgres", "vacuum full notes");
      server.sql(
          "postgres", "delete from accounts where id > %d".formatted(round * 100_000 + 2_000));
      server.sql("postgres", "vacuum (truncate) accounts");
    }
  }
}
