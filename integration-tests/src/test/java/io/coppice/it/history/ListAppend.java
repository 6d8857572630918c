package io.coppice.it.history;

import io.coppice.common.rpc.HostPort;
import io.coppice.it.history.Operation.Append;
import io.coppice.it.history.Operation.Read;
import io.coppice.it.history.Transaction.Outcome;
import io.coppice.it.support.Sql;
import java.sql.Array;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;

/**
 * Clients that read lists and append to them in serializable transactions, whatever happens to the
 * server, and write down what came of each.
 */
public final class ListAppend implements AutoCloseable {
  private static final int OPERATIONS_MAX = 4;

  /** So many lists are in use at a time; after so many elements in all come others. */
  private static final int LISTS = 5;

  private static final int ELEMENTS_OF_LISTS = 200;
  private static final int ANSWER_SECONDS_MAX = 5;
  private static final long RETRY_PAUSE_MILLIS = 50;

  private final Supplier<HostPort> server;
  private final AtomicInteger nextId = new AtomicInteger();
  private final AtomicLong nextElement = new AtomicLong();
  private final AtomicInteger acknowledged = new AtomicInteger();
  private final AtomicBoolean running = new AtomicBoolean(true);
  private final List<Transaction> history = Collections.synchronizedList(new ArrayList<>());
  private final List<Thread> clients = new ArrayList<>();

  private ListAppend(Supplier<HostPort> server) {
    this.server = server;
  }

  public static void createTable(Connection connection) throws SQLException {
    Sql.run(connection, "create table lists (key int primary key, elements bigint[] not null)");
  }

  /**
   * Starts clients that go on until closed.
   *
   * @param server where it is now
   */
  public static ListAppend start(Supplier<HostPort> server, int clientCount, long seed) {
    ListAppend load = new ListAppend(server);
    for (int i = 0; i < clientCount; i++) {
      Random random = new Random(seed * clientCount + i);
      load.clients.add(
          Thread.ofPlatform().name("list-append-" + i).start(() -> load.runUntilClosed(random)));
    }
    return load;
  }

  /** Commits of what was appended: one that only read waits for no quorum. */
  public int acknowledgedCount() {
    return acknowledged.get();
  }

  /** Waits until some more commits were acknowledged; whether they were in time. */
  public boolean awaitProgress(int commits, long timeoutMillis) throws InterruptedException {
    int wanted = acknowledged.get() + commits;
    long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(timeoutMillis);
    while (acknowledged.get() < wanted) {
      if (System.nanoTime() > deadline) {
        return false;
      }
      Thread.sleep(10);
    }
    return true;
  }

  /**
   * All that the clients did, and at last what all lists hold; to be called once closed.
   *
   * @param connection to the server as it is now
   */
  public List<Transaction> history(Connection connection) throws SQLException {
    List<Transaction> all = new ArrayList<>(history);
    int lists = (int) (nextElement.get() / ELEMENTS_OF_LISTS + 1) * LISTS;
    long invoked = System.nanoTime();
    List<Operation> reads = new ArrayList<>();
    for (int key = 0; key < lists; key++) {
      reads.add(read(connection, key));
    }
    all.add(
        new Transaction(nextId.getAndIncrement(), reads, Outcome.OK, invoked, System.nanoTime()));
    return all;
  }

  private void runUntilClosed(Random random) {
    while (running.get()) {
      HostPort address = server.get();
      try (Connection connection = Sql.connect(address, "postgres", ANSWER_SECONDS_MAX)) {
        connection.setAutoCommit(false);
        connection.setTransactionIsolation(Connection.TRANSACTION_SERIALIZABLE);
        long invoked = System.nanoTime(); // before it is seen that this is still the server
        while (running.get() && address.equals(server.get())) {
          transact(connection, random, invoked);
          invoked = System.nanoTime();
        }
      } catch (SQLException _) {
        pause(); // the server is gone for now; what is in doubt is written down already
      }
    }
  }

  /**
   * @throws SQLException if the connection is of no use any more
   */
  private void transact(Connection connection, Random random, long invoked) throws SQLException {
    int id = nextId.getAndIncrement();
    List<Operation> done = new ArrayList<>();
    boolean committing = false;
    try {
      int count = 1 + random.nextInt(OPERATIONS_MAX);
      for (int i = 0; i < count; i++) {
        step(connection, random, done);
      }
      committing = true;
      connection.commit();
      note(id, done, Outcome.OK, invoked);
      if (done.stream().anyMatch(Append.class::isInstance)) {
        acknowledged.incrementAndGet();
      }
    } catch (SQLException e) {
      boolean rolledBack = e.getSQLState() != null && e.getSQLState().startsWith("40");
      note(id, done, committing && !rolledBack ? Outcome.UNKNOWN : Outcome.FAILED, invoked);
      if (!rolledBack) {
        throw e;
      }
      connection.rollback();
    }
  }

  private void step(Connection connection, Random random, List<Operation> done)
      throws SQLException {
    long element = nextElement.get();
    if (random.nextBoolean()) {
      done.add(read(connection, key(element, random)));
      return;
    }
    element = nextElement.getAndIncrement();
    int key = key(element, random);
    done.add(new Append(key, element)); // before it is sent: it may take effect unanswered
    try (PreparedStatement append =
        connection.prepareStatement(
            "insert into lists values (?, array[?::bigint]) on conflict (key) do update"
                + " set elements = lists.elements || excluded.elements")) {
      append.setInt(1, key);
      append.setLong(2, element);
      append.executeUpdate();
    }
  }

  private static int key(long element, Random random) {
    return (int) (element / ELEMENTS_OF_LISTS) * LISTS + random.nextInt(LISTS);
  }

  private static Read read(Connection connection, int key) throws SQLException {
    try (PreparedStatement select =
        connection.prepareStatement("select elements from lists where key = ?")) {
      select.setInt(1, key);
      try (ResultSet row = select.executeQuery()) {
        if (!row.next()) {
          return new Read(key, List.of());
        }
        Array elements = row.getArray(1);
        return new Read(key, List.of((Long[]) elements.getArray()));
      }
    }
  }

  private void note(int id, List<Operation> operations, Outcome outcome, long invoked) {
    history.add(new Transaction(id, operations, outcome, invoked, System.nanoTime()));
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
}
