package io.coppice.bench;

import io.coppice.common.error.StorageException;
import java.io.IOException;
import java.nio.file.Path;

/**
 * pgbench -N through three safekeepers, against a stock server that waits for two of three
 * synchronous receivers of its WAL. Short loads alternate, so that a slow moment hits both.
 */
final class CommitBenchmark implements Benchmark {
  private static final int[] CLIENTS = {1, 8, 32};
  private static final int ROUNDS = 3;
  private static final int WARM_UP_CLIENTS = 8;

  @Override
  public void run(Workspace workspace, Report report)
      throws BenchFailure, StorageException, IOException, InterruptedException {
    Path directory = workspace.newDirectory("commit");
    try (Deployment deployment = Deployment.start(directory)) {
      Pgbench ours = new Pgbench(workspace.programs(), directory, deployment.endpoint());
      // The same memory as an endpoint has; everything else as it comes.
      String sharedBuffers = ours.query("show shared_buffers");
      try (SynchronousStock stock = SynchronousStock.start(workspace, directory, sharedBuffers)) {
        stock.pgbench().initialize(workspace.options().scale());
        ours.initialize(workspace.options().scale());
        // A server for years is not judged by its first seconds, in which code is compiled.
        stock.pgbench().run(WARM_UP_CLIENTS, workspace.options().warmUpSeconds(), "-N");
        ours.run(WARM_UP_CLIENTS, workspace.options().warmUpSeconds(), "-N");
        for (int clients : CLIENTS) {
          measure(clients, workspace.options().seconds(), ours, stock.pgbench(), report);
        }
      }
      report.add(
          Figure.alone(
              "storage memory during commits", "MiB", deployment.peakResidentBytes() / 1048576.0));
    }
  }

  private static void measure(int clients, int seconds, Pgbench ours, Pgbench stock, Report report)
      throws BenchFailure, IOException, InterruptedException {
    double value = 0;
    double anchor = 0;
    int slice = Math.max(1, seconds / ROUNDS);
    for (int round = 0; round < ROUNDS; round++) {
      anchor += stock.run(clients, slice, "-N") / ROUNDS;
      value += ours.run(clients, slice, "-N") / ROUNDS;
    }
    report.add(
        Figure.rate("commits, pgbench -N, %d clients".formatted(clients), "tps", value, anchor));
  }
}
