package io.coppice.bench;

import io.coppice.common.error.StorageException;
import io.coppice.common.platform.Clock;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * How long nobody can commit when the machine of an endpoint is lost: from kill -9 of its proposer
 * and its Postgres to the first commit of the next one, which a standby becomes, or which is
 * started then.
 */
final class FailoverBenchmark implements Benchmark {
  private static final int ROUNDS = 7;
  private static final double LIMIT_MILLIS = 2_000;
  private static final long RETRY_MILLIS = 10;
  private static final long RETRIES_MAX = 3_000;

  @Override
  public void run(Workspace workspace, Report report)
      throws BenchFailure, StorageException, IOException, InterruptedException {
    Path directory = workspace.newDirectory("failover");
    try (Deployment deployment = Deployment.start(directory)) {
      Pgbench pgbench = new Pgbench(workspace.programs(), directory, deployment.endpoint());
      pgbench.initialize(1);
      long[] started = new long[ROUNDS];
      for (int round = 0; round < ROUNDS; round++) {
        pgbench.run(1, 1, "-N");
        long start = killEndpoint(directory, Optional.empty());
        deployment.startEndpoint();
        commit(pgbench);
        started[round] = Clock.SYSTEM.monotonicNanos() - start;
      }
      long[] stoodBy = new long[ROUNDS];
      for (int round = 0; round < ROUNDS; round++) {
        Process standby = deployment.standBy("standby-" + round);
        pgbench.run(1, 1, "-N");
        long start = killEndpoint(directory, Optional.of(standby));
        awaitCommit(pgbench, deployment);
        stoodBy[round] = Clock.SYSTEM.monotonicNanos() - start;
      }
      report("with a standby", new Percentiles(stoodBy), report);
      report("started then", new Percentiles(started), report);
    }
  }

  private static void report(String how, Percentiles durations, Report report) {
    String name = "endpoint killed to next commit, %s, ".formatted(how);
    report.add(Figure.within(name + "median", "ms", durations.millis(50), LIMIT_MILLIS));
    report.add(Figure.within(name + "slowest", "ms", durations.millis(100), LIMIT_MILLIS));
  }

  private static void commit(Pgbench pgbench)
      throws BenchFailure, IOException, InterruptedException {
    pgbench.query("update pgbench_branches set bbalance = bbalance + 1");
  }

  /** As an application does that connects again until it can. */
  private static void awaitCommit(Pgbench pgbench, Deployment deployment)
      throws BenchFailure, IOException, InterruptedException {
    BenchFailure last = new BenchFailure("nobody listens on " + deployment.endpoint());
    for (long i = 0; i < RETRIES_MAX; i++) {
      if (Machine.isListening(deployment.endpoint())) {
        try {
          commit(pgbench);
          return;
        } catch (BenchFailure starting) {
          last = starting;
        }
      }
      Machine.pause(RETRY_MILLIS);
    }
    throw last;
  }

  /**
   * All processes of the endpoint at once: its files' directory is in each one's command line.
   * Returns the moment before, in nanoseconds.
   */
  private static long killEndpoint(Path directory, Optional<Process> standby) throws BenchFailure {
    long spared = standby.map(Process::pid).orElse(0L);
    List<ProcessHandle> processes =
        ProcessHandle.allProcesses()
            .filter(process -> isOfEndpoint(process, directory) && process.pid() != spared)
            .toList();
    if (processes.isEmpty()) {
      throw new BenchFailure("found no process of the endpoint below " + directory);
    }
    long start = Clock.SYSTEM.monotonicNanos();
    processes.forEach(ProcessHandle::destroyForcibly);
    return start;
  }

  private static boolean isOfEndpoint(ProcessHandle process, Path directory) {
    String command = process.info().commandLine().orElse("");
    return command.contains(directory.toString())
        && (command.contains("endpoint run")
            || command.contains("endpoint standby")
            || command.contains("/endpoints/"));
  }
}
