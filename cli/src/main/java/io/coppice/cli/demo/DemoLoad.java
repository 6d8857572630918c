package io.coppice.cli.demo;

import io.coppice.common.platform.Clock;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * What {@code pgbench -N} does: each client changes a random account, reads it, and notes the
 * change in the history, one transaction after the other, with prepared statements. Counts a
 * transaction when its commit has returned.
 */
final class DemoLoad {
  private static final int DELTA_MAX = 5_000;

  private final String url;
  private final Clock clock;
  private final LongAdder commits = new LongAdder();
  private final LongAdder deltaSum = new LongAdder();
  private final AtomicLong lastCommitNanos;
  private final AtomicLong longestPauseNanos = new AtomicLong();
  private final AtomicReference<@Nullable SQLException> failure = new AtomicReference<>();
  private final List<Thread> clients = new ArrayList<>();
  private volatile boolean stopping;

  private DemoLoad(String url, Clock clock) {
    this.url = url;
    this.clock = clock;
    this.lastCommitNanos = new AtomicLong(clock.monotonicNanos());
  }

  /**
   * Starts the clients.
   *
   * @param accounts numbers of accounts, from 1; those that are not there are not changed
   */
  static DemoLoad start(String url, int clients, int accounts, Clock clock) {
    DemoLoad load = new DemoLoad(url, clock);
    for (int i = 0; i < clients; i++) {
      SplittableRandom random = new SplittableRandom(i);
      load.clients.add(
          Thread.ofPlatform()
              .name("load-" + i)
              .daemon()
              .start(() -> load.client(random, accounts)));
    }
    return load;
  }

  private void client(SplittableRandom random, int accounts) {
    try (Connection connection = DriverManager.getConnection(url)) {
      connection.setAutoCommit(false);
      try (PreparedStatement update =
              connection.prepareStatement(
                  "update accounts set balance = balance + ? where id = ?");
          PreparedStatement select =
              connection.prepareStatement("select balance from accounts where id = ?");
          PreparedStatement insert =
              connection.prepareStatement(
                  "insert into history (account, delta, made_at) values (?, ?, now())")) {
        while (!stopping) {
          int account = 1 + random.nextInt(accounts);
          int delta = random.nextInt(2 * DELTA_MAX + 1) - DELTA_MAX;
          transaction(connection, update, select, insert, account, delta);
          deltaSum.add(delta);
          commits.increment();
          long now = clock.monotonicNanos();
          long pause = now - lastCommitNanos.getAndSet(now);
          longestPauseNanos.accumulateAndGet(pause, Math::max);
        }
      }
    } catch (SQLException e) {
      failure.compareAndSet(null, e);
    }
  }

  private static void transaction(
      Connection connection,
      PreparedStatement update,
      PreparedStatement select,
      PreparedStatement insert,
      int account,
      int delta)
      throws SQLException {
    update.setInt(1, delta);
    update.setInt(2, account);
    update.executeUpdate();
    select.setInt(1, account);
    select.executeQuery().close();
    insert.setInt(1, account);
    insert.setInt(2, delta);
    insert.executeUpdate();
    connection.commit();
  }

  /** Transactions whose commit has returned so far. */
  long commits() {
    return commits.sum();
  }

  /** Sum of all changes that were committed. */
  long deltaSum() {
    return deltaSum.sum();
  }

  /** The longest time in which no client's commit returned, since the last call of this. */
  long takeLongestPauseMillis() {
    return longestPauseNanos.getAndSet(0) / 1_000_000;
  }

  /** Lets every client end its transaction; throws what stopped one early. */
  void stop() throws SQLException, InterruptedException {
    stopping = true;
    for (Thread client : clients) {
      client.join();
    }
    SQLException early = failure.get();
    if (early != null) {
      throw early;
    }
  }
}
