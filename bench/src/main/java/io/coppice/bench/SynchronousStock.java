package io.coppice.bench;

import io.coppice.common.error.StorageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * What stock Postgres has for a quorum: a server whose commits wait until two of three {@code
 * pg_receivewal --synchronous} have their WAL on disk.
 */
final class SynchronousStock implements AutoCloseable {
  private static final int RECEIVERS = 3;
  private static final int ATTACH_POLLS_MAX = 200;
  private static final long POLL_MILLIS = 100;

  private final StockServer server;
  private final Pgbench pgbench;
  private final List<Process> receivers = new ArrayList<>();

  private SynchronousStock(StockServer server, Pgbench pgbench) {
    this.server = server;
    this.pgbench = pgbench;
  }

  /**
   * Starts it.
   *
   * @param sharedBuffers of the server, so that it has the memory of what it is compared with
   */
  static SynchronousStock start(Workspace workspace, Path directory, String sharedBuffers)
      throws BenchFailure, StorageException, IOException, InterruptedException {
    Path data = directory.resolve("stock");
    StockServer.initialize(workspace.programs(), workspace.runAs(), data);
    StockServer server =
        StockServer.start(
            workspace.programs(),
            workspace.runAs(),
            data,
            List.of("shared_buffers=" + sharedBuffers, "max_wal_size=4GB"));
    SynchronousStock stock =
        new SynchronousStock(
            server, new Pgbench(workspace.programs(), directory, server.address()));
    boolean attached = false;
    try {
      stock.attachReceivers(workspace.programs(), directory);
      attached = true;
      return stock;
    } finally {
      if (!attached) {
        stock.close();
      }
    }
  }

  Pgbench pgbench() {
    return pgbench;
  }

  private void attachReceivers(Programs programs, Path directory)
      throws BenchFailure, IOException, InterruptedException {
    for (int i = 1; i <= RECEIVERS; i++) {
      Path target = Files.createDirectory(directory.resolve("receiver-" + i));
      ProcessBuilder builder =
          new ProcessBuilder(
                  programs.path("pg_receivewal"),
                  "-h",
                  server.address().host(),
                  "-p",
                  Integer.toString(server.address().port()),
                  "-U",
                  "postgres",
                  "-D",
                  target.toString(),
                  "--synchronous")
              .redirectErrorStream(true)
              .redirectOutput(directory.resolve("receiver-%d.log".formatted(i)).toFile());
      builder.environment().put("PGAPPNAME", "receiver" + i);
      receivers.add(builder.start());
    }
    pgbench.query(
        "alter system set synchronous_standby_names = 'ANY 2 (receiver1, receiver2, receiver3)'");
    pgbench.query("select pg_reload_conf()");
    for (int i = 0; i < ATTACH_POLLS_MAX; i++) {
      if (pgbench
          .query("select count(*) from pg_stat_replication where sync_state = 'quorum'")
          .equals(Integer.toString(RECEIVERS))) {
        return;
      }
      Machine.pause(POLL_MILLIS);
    }
    throw new BenchFailure("the receivers of the stock server did not attach");
  }

  @Override
  public void close() throws BenchFailure, IOException {
    try {
      // Without this the server's end would wait for receivers that are gone.
      pgbench.query("alter system set synchronous_standby_names = ''");
      pgbench.query("select pg_reload_conf()");
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    } finally {
      receivers.forEach(Process::destroy);
      receivers.forEach(process -> process.onExit().orTimeout(10, TimeUnit.SECONDS).join());
      server.close();
    }
  }
}
