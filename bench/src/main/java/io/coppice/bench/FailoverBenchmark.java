package io.coppice.bench;

import io.coppice.common.error.StorageException;
import io.coppice.common.platform.Clock;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * How long nobody can commit when the machine of an endpoint is lost: from kill -9 of its proposer
 * and its Postgres to the first commit of an endpoint that is started then.
 */
final class FailoverBenchmark implements Benchmark {
  private static final int ROUNDS = 7;
  private static final double LIMIT_MILLIS = 2_000;

  @Override
  public void run(Workspace workspace, Report report)
      throws BenchFailure, StorageException, IOException, InterruptedException {
    Path directory = workspace.newDirectory("failover");
    long[] nanos = new long[ROUNDS];
    try (Deployment deployment = Deployment.start(directory)) {
      Pgbench pgbench = new Pgbench(workspace.programs(), directory, deployment.endpoint());
      pgbench.initialize(1);
      for (int round = 0; round < ROUNDS; round++) {
        pgbench.run(1, 1, "-N");
        killEndpoint(directory);
        long start = Clock.SYSTEM.monotonicNanos();
        deployment.startEndpoint();
        pgbench.query("update pgbench_branches set bbalance = bbalance + 1");
        nanos[round] = Clock.SYSTEM.monotonicNanos() - start;
      }
    }
    Percentiles durations = new Percentiles(nanos);
    report.add(
        Figure.within(
            "endpoint killed to next commit, median", "ms", durations.millis(50), LIMIT_MILLIS));
    report.add(
        Figure.within(
            "endpoint killed to next commit, slowest", "ms", durations.millis(100), LIMIT_MILLIS));
  }

  /** All processes of the endpoint at once: its files' directory is in each one's command line. */
  private static void killEndpoint(Path directory) throws BenchFailure {
    List<ProcessHandle> processes =
        ProcessHandle.allProcesses().filter(process -> isOfEndpoint(process, directory)).toList();
    if (processes.isEmpty()) {
      throw new BenchFailure("found no process of the endpoint below " + directory);
    }
    processes.forEach(ProcessHandle::destroyForcibly);
    processes.forEach(process -> process.onExit().join());
  }

  private static boolean isOfEndpoint(ProcessHandle process, Path directory) {
    String command = process.info().commandLine().orElse("");
    return command.contains(directory.toString())
        && (command.contains("endpoint run") || command.contains("/endpoints/"));
  }
}
