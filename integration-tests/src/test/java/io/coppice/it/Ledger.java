package io.coppice.it;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.rpc.HostPort;
import io.coppice.it.support.Sql;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/**
 * Clients that insert numbered rows and remember which commits were acknowledged, and the check of
 * what became of them: an acknowledged row is there exactly once, any other at most once, and no
 * row is there that nobody sent.
 *
 * <p>Each transaction inserts two rows with the same number, so that half a transaction shows.
 */
final class Ledger implements AutoCloseable {
  private static final int ROWS_PER_TRANSACTION = 2;
  private static final long RETRY_PAUSE_MILLIS = 50;

  private final Supplier<HostPort> server;
  private final AtomicLong nextId = new AtomicLong(1);
  private final Set<Long> acknowledged = ConcurrentHashMap.newKeySet();
  private final Set<Long> unknown = ConcurrentHashMap.newKeySet();
  private final AtomicBoolean running = new AtomicBoolean(true);
  private final List<Thread> clients = new ArrayList<>();

  private Ledger(Supplier<HostPort> server) {
    this.server = server;
  }

  static void createTable(Connection connection) throws SQLException {
    Sql.run(
        connection,
        "create table ledger (id bigint not null, part int not null, pad text)",
        "create index ledger_id on ledger (id)");
  }

  /**
   * Starts clients that go on until closed, whatever happens to the server.
   *
   * @param server where it is now
   */
  static Ledger start(Supplier<HostPort> server, int clientCount) {
    Ledger ledger = new Ledger(server);
    for (int i = 0; i < clientCount; i++) {
      ledger.clients.add(Thread.ofPlatform().name("ledger-" + i).start(ledger::insertUntilClosed));
    }
    return ledger;
  }

  long acknowledgedCount() {
    return acknowledged.size();
  }

  long unknownCount() {
    return unknown.size();
  }

  /** Waits until some more commits were acknowledged; whether they were in time. */
  boolean awaitProgress(int commits, long timeoutMillis) throws InterruptedException {
    long wanted = acknowledged.size() + (long) commits;
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMillis);
    while (acknowledged.size() < wanted) {
      if (System.nanoTime() > deadline) {
        return false;
      }
      Thread.sleep(10);
    }
    return true;
  }

  private void insertUntilClosed() {
    while (running.get()) {
      try (Connection connection = Sql.connect(server.get(), "postgres")) {
        connection.setAutoCommit(false);
        insertUntilFailure(connection);
      } catch (SQLException _) {
        // The server is gone for now; which commits are in doubt is noted already.
        pause();
      }
    }
  }

  private void insertUntilFailure(Connection connection) throws SQLException {
    try (PreparedStatement insert =
        connection.prepareStatement("insert into ledger values (?, ?, repeat('x', 100))")) {
      while (running.get()) {
        long id = nextId.getAndIncrement();
        unknown.add(id);
        for (int part = 0; part < ROWS_PER_TRANSACTION; part++) {
          insert.setLong(1, id);
          insert.setInt(2, part);
          insert.executeUpdate();
        }
        connection.commit();
        acknowledged.add(id);
        unknown.remove(id);
      }
    }
  }

  private static void pause() {
    try {
      Thread.sleep(RETRY_PAUSE_MILLIS);
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  /** Stops the clients. */
  @Override
  public void close() {
    running.set(false);
    for (Thread client : clients) {
      try {
        client.join();
      } catch (InterruptedException _) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  /** Checks the table by a scan of the heap and by its index. */
  void check(Connection connection) throws SQLException {
    Map<Long, Integer> byHeap = counts(connection, "set enable_indexscan = off");
    assertComplete(acknowledged, unknown, byHeap);
    Sql.run(connection, "reset all", "set enable_seqscan = off", "set enable_bitmapscan = off");
    List<Long> missingInIndex = new ArrayList<>();
    try (PreparedStatement select =
        connection.prepareStatement("select count(*) from ledger where id = ?")) {
      for (Map.Entry<Long, Integer> row : byHeap.entrySet()) {
        select.setLong(1, row.getKey());
        try (var result = select.executeQuery()) {
          result.next();
          if (result.getInt(1) != row.getValue()) {
            missingInIndex.add(row.getKey());
          }
        }
      }
    }
    assertThat(missingInIndex).as("ids that the index does not find").isEmpty();
    Sql.run(connection, "reset all");
  }

  /**
   * Fails if an acknowledged number is missing, one is there in part or twice, or nobody sent it.
   *
   * @param found numbers to how many rows they have
   */
  static void assertComplete(Set<Long> acknowledged, Set<Long> unknown, Map<Long, Integer> found) {
    List<Long> lost = new ArrayList<>();
    List<Long> torn = new ArrayList<>();
    List<Long> strangers = new ArrayList<>();
    for (Long id : acknowledged) {
      if (!found.containsKey(id)) {
        lost.add(id);
      }
    }
    found.forEach((id, count) -> {
      if (count != ROWS_PER_TRANSACTION) {
        torn.add(id);
      }
      if (!acknowledged.contains(id) && !unknown.contains(id)) {
        strangers.add(id);
      }
    });
    assertThat(lost).as("acknowledged commits that are lost, of %d", acknowledged.size()).isEmpty();
    assertThat(torn).as("transactions that are there in part or twice").isEmpty();
    assertThat(strangers).as("rows that nobody sent").isEmpty();
  }

  private static Map<Long, Integer> counts(Connection connection, String setting)
      throws SQLException {
    Sql.run(connection, setting);
    Map<Long, Integer> counts = new HashMap<>();
    for (List<String> row :
        Sql.rows(connection, "select id, count(*) from ledger group by id order by id")) {
      counts.put(Long.valueOf(row.get(0)), Integer.valueOf(row.get(1)));
    }
    return counts;
  }
}
