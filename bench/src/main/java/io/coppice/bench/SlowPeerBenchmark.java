package io.coppice.bench;

import io.coppice.common.error.StorageException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * How long commits take with one of three safekeepers a hundred times slower, with one that is
 * killed meanwhile, and without.
 */
final class SlowPeerBenchmark implements Benchmark {
  private static final int CLIENTS = 8;
  private static final int ROUNDS = 6;

  @Override
  public void run(Workspace workspace, Report report)
      throws BenchFailure, StorageException, IOException, InterruptedException {
    Path directory = workspace.newDirectory("slow-peer");
    int slice = Math.max(1, workspace.options().seconds() / 3);
    List<long[]> healthy = new ArrayList<>();
    List<long[]> slowed = new ArrayList<>();
    long[] losing;
    try (Deployment deployment = Deployment.start(directory)) {
      Pgbench pgbench = new Pgbench(workspace.programs(), directory, deployment.endpoint());
      pgbench.initialize(workspace.options().scale());
      pgbench.run(CLIENTS, workspace.options().warmUpSeconds(), "-N");
      for (int round = 0; round < ROUNDS; round++) {
        healthy.add(pgbench.latencies(CLIENTS, slice, "-N"));
        // Another one each time: none of them may be special.
        try (Slowdown _ = Slowdown.of(deployment.safekeeper(1 + round % 3))) {
          slowed.add(pgbench.latencies(CLIENTS, slice, "-N"));
        }
      }
      Thread loss =
          Thread.ofPlatform().start(() -> lose(deployment.safekeeper(2), slice * 1_000L / 2));
      losing = pgbench.latencies(CLIENTS, slice, "-N");
      loss.join();
    }
    Percentiles without = Percentiles.ofAll(healthy);
    Percentiles with = Percentiles.ofAll(slowed);
    for (double percent : List.of(50.0, 99.0)) {
      report.add(
          Figure.within(
              "commit p%.0f, one safekeeper 100 x slower".formatted(percent),
              "ms",
              with.millis(percent),
              without.millis(percent)));
    }
    report.add(
        Figure.within(
            "slowest commit, one safekeeper killed",
            "ms",
            new Percentiles(losing).millis(100),
            without.millis(100)));
  }

  private static void lose(Process safekeeper, long afterMillis) {
    try {
      Machine.pause(afterMillis);
      safekeeper.destroyForcibly();
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }
}
