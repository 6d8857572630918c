package io.coppice.it;

import io.coppice.common.rpc.HostPort;
import io.coppice.it.support.Sql;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A load that makes Postgres write every kind of record that heaps, indexes, sequences and the
 * transaction logs have: several sessions run random operations of a fixed seed. Some fail, because
 * sessions are in each other's way: that is part of the load.
 */
final class MixedLoad {
  private static final int TRANSFERS_ROWS = 2_000;

  private final HostPort server;
  private final String database;
  private final AtomicInteger names = new AtomicInteger();
  private final ConcurrentSkipListMap<String, AtomicLong> done = new ConcurrentSkipListMap<>();
  private final ConcurrentSkipListMap<String, AtomicLong> failed = new ConcurrentSkipListMap<>();

  MixedLoad(HostPort server, String database) {
    this.server = server;
    this.database = database;
  }

  private interface Operation {
    void run(Connection connection, Random random) throws SQLException;
  }

  private record Named(String name, Operation operation) {}

  /** Tables, indexes and sequences, with rows. */
  void createSchema() throws SQLException {
    try (Connection connection = Sql.connect(server, database)) {
      Sql.run(
          connection,
          "create table account (id bigint primary key, balance int not null, note text)"
              + " with (fillfactor = 80)",
          "create index account_balance on account (balance)",
          "insert into account select i, i %% 100, repeat('n', i %% 60) from generate_series(1, %d) i"
              .formatted(TRANSFERS_ROWS),
          "create table owner (id int primary key)",
          "insert into owner select generate_series(1, 200)",
          "create table pet (id bigserial primary key, owner int references owner, name text)",
          "create index pet_owner on pet (owner, name)",
          "create table document (id serial primary key, body text, extra text)",
          "alter table document alter extra set storage external",
          "create table churn (id int, tag text)",
          "create index churn_tag on churn (tag)",
          "create unlogged table scratch (id serial primary key, note text)",
          "create table event (at timestamptz, kind int, note text) partition by range (kind)",
          "create table event_low partition of event for values from (0) to (50)",
          "create table event_high partition of event for values from (50) to (100)",
          "create index event_kind on event (kind, at)",
          "create sequence ticket increment 3 cache 5",
          "create materialized view totals as select balance, count(*) n from account group by 1",
          "create unique index totals_balance on totals (balance)");
      IndexKinds.create(connection);
    }
  }

  /** Runs random operations in several sessions, the same number of them in each. */
  void run(int sessions, int operationsPerSession, long seed) throws InterruptedException {
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < sessions; i++) {
      Random random = new Random(seed * 31 + i);
      threads.add(
          Thread.ofPlatform()
              .name("load-" + database + "-" + i)
              .start(() -> runSession(operationsPerSession, random)));
    }
    for (Thread thread : threads) {
      thread.join();
    }
  }

  /** Operations that succeeded and failed, by name. */
  String summary() {
    return database + ": done " + new TreeMap<>(done) + ", failed " + new TreeMap<>(failed);
  }

  /** How often an operation succeeded. */
  long doneCount(String operation) {
    return done.getOrDefault(operation, new AtomicLong()).get();
  }

  private void runSession(int operations, Random random) {
    List<Named> menu = menu();
    int left = operations;
    while (left > 0) {
      try (Connection connection = Sql.connect(server, database)) {
        Sql.run(connection, "set lock_timeout = '2s'", "set client_min_messages = error");
        while (left > 0) {
          left--;
          runOne(connection, menu.get(random.nextInt(menu.size())), random);
        }
      } catch (SQLException e) {
        left--;
        count(failed, "connect: " + e.getMessage());
      }
    }
  }

  private void runOne(Connection connection, Named chosen, Random random) throws SQLException {
    try {
      chosen.operation().run(connection, random);
      count(done, chosen.name());
    } catch (SQLException e) {
      count(failed, chosen.name() + " " + e.getSQLState());
      if (!connection.getAutoCommit()) {
        connection.rollback();
      }
    } finally {
      if (!connection.isClosed()) {
        connection.setAutoCommit(true);
      }
    }
  }

  private static void count(ConcurrentSkipListMap<String, AtomicLong> counts, String name) {
    counts.computeIfAbsent(name, _ -> new AtomicLong()).incrementAndGet();
  }

  /** Small operations are on it several times, those that lock whole tables once. */
  private List<Named> menu() {
    List<Named> menu = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      menu.add(new Named("insert", this::insertPets));
      menu.add(new Named("index kinds", IndexKinds::change));
      menu.add(new Named("update", this::updateAccounts));
      menu.add(new Named("delete", this::deletePets));
      menu.add(new Named("toast", this::writeDocuments));
    }
    for (int i = 0; i < 3; i++) {
      menu.add(new Named("savepoints", this::savepoints));
      menu.add(new Named("multixact", this::shareLocks));
      menu.add(new Named("upsert", this::upsert));
      menu.add(new Named("rollback", this::rollBack));
      menu.add(new Named("sequence", this::sequences));
      menu.add(new Named("two-phase", this::twoPhase));
    }
    menu.add(new Named("vacuum", this::vacuum));
    menu.add(new Named("truncate", this::truncate));
    menu.add(new Named("table", this::createAndDrop));
    menu.add(new Named("index", this::indexes));
    menu.add(new Named("rewrite", this::rewrite));
    menu.add(new Named("temporary", this::temporary));
    menu.add(new Named("copy", this::bulk));
    menu.add(new Named("large object", this::largeObject));
    menu.add(new Named("checkpoint", (connection, _) -> Sql.run(connection, "checkpoint")));
    return menu;
  }

  private void insertPets(Connection connection, Random random) throws SQLException {
    Sql.run(
        connection,
        "insert into pet (owner, name) select 1 + (random() * 199)::int, 'pet ' || i from"
            + " generate_series(1, %d) i".formatted(1 + random.nextInt(60)),
        "insert into event values (now(), %d, 'e')".formatted(random.nextInt(100)),
        "insert into scratch (note) values ('s')");
  }

  private void updateAccounts(Connection connection, Random random) throws SQLException {
    int first = random.nextInt(TRANSFERS_ROWS);
    connection.setAutoCommit(false);
    Sql.run(
        connection,
        // The first can stay on its page, the second changes an index.
        "update account set note = repeat('u', %d) where id = %d"
            .formatted(random.nextInt(80), first),
        "update account set balance = balance + 1 where id between %d and %d"
            .formatted(first, first + random.nextInt(20)));
    connection.commit();
  }

  private void deletePets(Connection connection, Random random) throws SQLException {
    Sql.run(
        connection,
        "delete from pet where id %% %d = 0 and id > (select max(id) - 500 from pet)"
            .formatted(3 + random.nextInt(10)),
        "delete from scratch where id % 3 = 0");
  }

  private void writeDocuments(Connection connection, Random random) throws SQLException {
    int words = 50 + random.nextInt(400);
    String text = "(select string_agg(md5(random()::text), '') from generate_series(1, %d))";
    Sql.run(
        connection,
        "insert into document (body, extra) values (%s, %s)"
            .formatted(text.formatted(words), text.formatted(words / 4)),
        "update document set body = body || 'more' where id = (select min(id) from document)",
        "delete from document where id %% 7 = %d".formatted(random.nextInt(7)));
  }

  private void savepoints(Connection connection, Random random) throws SQLException {
    connection.setAutoCommit(false);
    int depth = 3 + random.nextInt(80); // More than 64 overflow the cache of subtransactions.
    for (int i = 0; i < depth; i++) {
      Sql.run(
          connection,
          "savepoint s" + i,
          "insert into churn values (%d, md5('%d'))".formatted(i, random.nextInt()));
      if (random.nextInt(4) == 0) {
        Sql.run(connection, "rollback to savepoint s" + i);
      }
    }
    if (random.nextInt(5) == 0) {
      connection.rollback();
    } else {
      connection.commit();
    }
  }

  /** Several sessions that share the locks of few rows make multixacts of them. */
  private void shareLocks(Connection connection, Random random) throws SQLException {
    connection.setAutoCommit(false);
    Sql.run(
        connection,
        "select * from owner where id between 1 and %d for key share"
            .formatted(1 + random.nextInt(5)),
        "insert into pet (owner, name) values (%d, 'shared')".formatted(1 + random.nextInt(3)),
        "savepoint s",
        "select * from account where id between 1 and 3 for share");
    try (Connection other = Sql.connect(server, database)) {
      other.setAutoCommit(false);
      Sql.run(
          other,
          "set lock_timeout = '1s'",
          "select * from account where id between 1 and 3 for key share",
          "select * from owner where id between 1 and 5 for key share");
      // An update of a column that is no key goes together with others' key share locks.
      Sql.run(other, "update owner set id = id where id = 150");
      other.commit();
    }
    Sql.run(connection, "update account set note = 'after lock' where id between 1 and 2");
    connection.commit();
  }

  private void upsert(Connection connection, Random random) throws SQLException {
    Sql.run(
        connection,
        "insert into account select i, 1, 'new' from generate_series(%1$d, %1$d + 5) i on conflict"
                .formatted(TRANSFERS_ROWS - 3 + random.nextInt(200))
            + " (id) do update set balance = account.balance + 1");
  }

  private void rollBack(Connection connection, Random random) throws SQLException {
    connection.setAutoCommit(false);
    Sql.run(
        connection,
        "insert into pet (owner, name) select 5, 'ghost' from generate_series(1, %d)"
            .formatted(1 + random.nextInt(300)),
        "create table rolled_back_%d (id int primary key)".formatted(names.incrementAndGet()));
    connection.rollback();
  }

  private void sequences(Connection connection, Random random) throws SQLException {
    Sql.run(connection, "select nextval('ticket') from generate_series(1, 40)");
    if (random.nextInt(4) == 0) {
      Sql.run(
          connection,
          "select setval('ticket', %d)".formatted(1 + random.nextInt(100_000)),
          "alter sequence ticket increment by " + (1 + random.nextInt(9)));
    }
  }

  private void twoPhase(Connection connection, Random random) throws SQLException {
    String name = "load_%s_%d".formatted(database, names.incrementAndGet());
    connection.setAutoCommit(false);
    Sql.run(
        connection,
        "insert into churn values (%d, 'prepared')".formatted(random.nextInt()),
        "update account set balance = 0 where id = %d".formatted(1500 + random.nextInt(400)),
        "prepare transaction '%s'".formatted(name));
    connection.commit();
    connection.setAutoCommit(true);
    Sql.run(
        connection,
        (random.nextInt(3) == 0 ? "rollback prepared '%s'" : "commit prepared '%s'")
            .formatted(name));
  }

  private void vacuum(Connection connection, Random random) throws SQLException {
    switch (random.nextInt(4)) {
      case 0 -> Sql.run(connection, "vacuum (freeze) account");
      case 1 -> Sql.run(connection, "vacuum pet", "vacuum document");
      case 2 -> Sql.run(connection, "vacuum (analyze) churn", "vacuum owner");
      default -> Sql.run(connection, "vacuum");
    }
  }

  private void truncate(Connection connection, Random random) throws SQLException {
    if (random.nextBoolean()) {
      Sql.run(connection, "truncate churn");
    } else {
      // All rows gone: vacuum cuts the file.
      Sql.run(connection, "delete from churn", "vacuum churn");
    }
  }

  private void createAndDrop(Connection connection, Random random) throws SQLException {
    int number = names.incrementAndGet();
    String table = "made_%s_%d".formatted(database, number);
    connection.setAutoCommit(false);
    Sql.run(
        connection,
        "create table %s (id serial primary key, note text)".formatted(table),
        "insert into %s (note) select md5(i::text) from generate_series(1, %d) i"
            .formatted(table, random.nextInt(2_000)));
    connection.commit();
    connection.setAutoCommit(true);
    if (random.nextInt(3) > 0) {
      Sql.run(connection, "drop table " + table);
    }
  }

  private void indexes(Connection connection, Random random) throws SQLException {
    String index = "extra_%s_%d".formatted(database, names.incrementAndGet());
    switch (random.nextInt(4)) {
      case 0 ->
          Sql.run(
              connection,
              "create index concurrently %s on pet (name, id)".formatted(index),
              "drop index concurrently " + index);
      case 1 -> Sql.run(connection, "create index %s on account (note)".formatted(index));
      case 2 -> Sql.run(connection, "reindex table churn", "reindex index pet_owner");
      default ->
          Sql.run(
              connection,
              "create index %s on event (note, kind)".formatted(index),
              "drop index " + index);
    }
  }

  private void rewrite(Connection connection, Random random) throws SQLException {
    switch (random.nextInt(5)) {
      case 0 -> Sql.run(connection, "vacuum full churn");
      case 1 -> Sql.run(connection, "cluster pet using pet_pkey");
      case 2 -> Sql.run(connection, "alter table churn alter id type bigint");
      case 3 -> Sql.run(connection, "refresh materialized view concurrently totals");
      default ->
          Sql.run(connection, "alter table scratch set logged", "alter table scratch set unlogged");
    }
  }

  private void temporary(Connection connection, Random random) throws SQLException {
    Sql.run(
        connection,
        "create temp table if not exists mine (id serial primary key, note text)",
        "insert into mine (note) select 't' from generate_series(1, %d)"
            .formatted(random.nextInt(500)),
        "drop table mine");
  }

  private void bulk(Connection connection, Random random) throws SQLException {
    // Enough rows that several pages are filled by one record each.
    Sql.run(
        connection,
        "insert into churn select i, md5(i::text) from generate_series(1, %d) i"
            .formatted(500 + random.nextInt(3_000)),
        "create table copied_%1$d as select * from churn".formatted(names.incrementAndGet()));
  }

  private void largeObject(Connection connection, Random random) throws SQLException {
    Sql.run(
        connection,
        "select lo_from_bytea(0, decode(repeat('ab', %d), 'hex'))"
            .formatted(1_000 + random.nextInt(20_000)),
        "select lo_unlink(oid) from pg_largeobject_metadata where oid::bigint % 3 = 0");
  }
}
