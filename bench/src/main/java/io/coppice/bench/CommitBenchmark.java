package io.coppice.bench;

import io.coppice.common.error.StorageException;
import io.coppice.common.rpc.HostPort;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * pgbench -N through three safekeepers, against a stock server that waits for two of three
 * synchronous receivers of its WAL. Loads alternate, so that a slow moment hits both.
 */
final class CommitBenchmark implements Benchmark {
  private static final int[] CLIENTS = {8, 32};
  private static final int RECEIVERS = 3;
  private static final int ATTACH_POLLS_MAX = 200;
  private static final long POLL_MILLIS = 100;

  @Override
  public void run(Workspace workspace, Report report)
      throws BenchFailure, StorageException, IOException, InterruptedException {
    Path directory = workspace.newDirectory("commit");
    List<HostPort> ports = Machine.freePorts(6);
    try (Roles roles = new Roles(directory, settings(directory, ports))) {
      Process storage = roles.start("up", ports.get(0), "up");
      roles.run("tenant", "create", "bench");
      String port = Integer.toString(ports.get(5).port());
      roles.run("endpoint", "start", "main", "--port", port);
      Pgbench ours = new Pgbench(workspace.programs(), directory, ports.get(5));
      try {
        measure(workspace, directory, ours, report);
      } finally {
        roles.run("endpoint", "stop", "main");
      }
      report.add(
          Figure.alone(
              "storage memory during commits",
              "MiB",
              Machine.peakResidentBytes(storage.pid()) / 1048576.0));
    }
  }

  private static List<String> settings(Path directory, List<HostPort> ports) {
    return List.of(
        "--data-dir",
        directory.resolve("data").toString(),
        "--set",
        "cluster.pageserver=" + ports.get(0),
        "--set",
        "cluster.safekeepers=%s,%s,%s".formatted(ports.get(1), ports.get(2), ports.get(3)),
        "--set",
        "status.listen=" + ports.get(4));
  }

  private static void measure(Workspace workspace, Path directory, Pgbench ours, Report report)
      throws BenchFailure, StorageException, IOException, InterruptedException {
    Path data = directory.resolve("stock");
    StockServer.initialize(workspace.programs(), workspace.runAs(), data);
    // The same memory as an endpoint has; everything else as it comes.
    List<String> stockSettings =
        List.of("shared_buffers=" + ours.query("show shared_buffers"), "max_wal_size=4GB");
    List<Process> receivers = new ArrayList<>();
    try (StockServer server =
        StockServer.start(workspace.programs(), workspace.runAs(), data, stockSettings)) {
      Pgbench stock = new Pgbench(workspace.programs(), directory, server.address());
      stock.initialize(workspace.options().scale());
      ours.initialize(workspace.options().scale());
      attachReceivers(workspace, directory, server, stock, receivers);
      int seconds = workspace.options().seconds();
      for (int clients : CLIENTS) {
        double anchor = stock.run(clients, seconds, "-N");
        double value = ours.run(clients, seconds, "-N");
        report.add(
            Figure.rate(
                "commits, pgbench -N, %d clients".formatted(clients), "tps", value, anchor));
      }
      stock.query("alter system set synchronous_standby_names = ''");
      stock.query("select pg_reload_conf()");
    } finally {
      end(receivers);
    }
  }

  private static void attachReceivers(
      Workspace workspace,
      Path directory,
      StockServer server,
      Pgbench stock,
      List<Process> receivers)
      throws BenchFailure, IOException, InterruptedException {
    for (int i = 1; i <= RECEIVERS; i++) {
      Path target = Files.createDirectory(directory.resolve("receiver-" + i));
      ProcessBuilder builder =
          new ProcessBuilder(
                  workspace.programs().path("pg_receivewal"),
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
    stock.query(
        "alter system set synchronous_standby_names = 'ANY 2 (receiver1, receiver2, receiver3)'");
    stock.query("select pg_reload_conf()");
    for (int i = 0; i < ATTACH_POLLS_MAX; i++) {
      if (stock
          .query("select count(*) from pg_stat_replication where sync_state = 'quorum'")
          .equals(Integer.toString(RECEIVERS))) {
        return;
      }
      Machine.pause(POLL_MILLIS);
    }
    throw new BenchFailure("the receivers of the stock server did not attach");
  }

  private static void end(List<Process> processes) throws InterruptedException {
    for (Process process : processes) {
      process.destroy();
      if (!process.waitFor(10, TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    }
  }
}
