package io.coppice.bench;

import io.coppice.common.error.StorageException;
import io.coppice.common.rpc.HostPort;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * WAL to flushed and uploaded layers, against stock Postgres replaying the same WAL: from files, as
 * Postgres has it, and over the wire, in a page server of its own process. With the latter the one
 * who sends has the same cores.
 *
 * <p>Each takes the same WAL in several times, each time into a tenant of its own: first cold, as
 * its process has just started, then until it is warm, as servers mostly are. Postgres needs no
 * warming: its code was compiled when it was built.
 */
final class IngestBenchmark implements Benchmark {
  private static final double MEGABYTE = 1e6;
  private static final double MEMORY_LIMIT_MIB = 1536;

  /** After the cold round; so long the JIT compiler still finds something to do. */
  private static final int WARMING_ROUNDS = 3;

  @Override
  public void run(Workspace workspace, Report report)
      throws BenchFailure, StorageException, IOException, InterruptedException {
    WalArchive archive = workspace.archive();
    double megabytes = archive.sizeBytes() / MEGABYTE;
    double anchor =
        megabytes
            / RedoAnchor.seconds(
                workspace.programs(), workspace.runAs(), workspace.newDirectory("redo"), archive);
    report.add(Figure.alone("ingest WAL", "MB", megabytes));
    List<Double> seconds =
        FileIngest.seconds(archive, workspace.newDirectory("files"), WARMING_ROUNDS + 2);
    report.add(rate("ingest of files to flushed layers", megabytes / seconds.getLast(), anchor));
    report.add(
        rate("ingest of files to flushed layers, cold", megabytes / seconds.getFirst(), anchor));
    try (IngestRun run = IngestRun.start(archive, workspace.newDirectory("ingest"))) {
      IngestRun.Times cold = run.ingest();
      for (int round = 0; round < WARMING_ROUNDS; round++) {
        var _ = run.ingest();
      }
      IngestRun.Times warm = run.ingest();
      report.add(rate("ingest to flushed layers", megabytes / warm.flushedSeconds(), anchor));
      report.add(rate("ingest to readable", megabytes / warm.readableSeconds(), anchor));
      report.add(rate("ingest to flushed layers, cold", megabytes / cold.flushedSeconds(), anchor));
      report.add(Figure.within("ingest peak memory", "MiB", run.peakMebibytes(), MEMORY_LIMIT_MIB));
    }
  }

  private static Figure rate(String name, double megabytesPerSecond, double anchor) {
    return Figure.rate(name, "MB/s", megabytesPerSecond, anchor);
  }

  /** A page server alone, with one safekeeper. */
  static List<String> settings(Path directory, List<HostPort> ports) {
    return List.of(
        "--data-dir",
        directory.resolve("data").toString(),
        "--set",
        "cluster.pageserver=" + ports.get(0),
        "--set",
        "cluster.safekeepers=" + ports.get(1),
        "--set",
        "status.listen=" + ports.get(2));
  }
}
