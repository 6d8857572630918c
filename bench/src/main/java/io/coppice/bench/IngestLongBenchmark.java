package io.coppice.bench;

import io.coppice.common.error.StorageException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * 5 GB of WAL into one branch, with compaction going on, to see that memory stays flat: within 1
 * GiB of heap and what is configured off it, and no more after five gigabytes than after two.
 */
final class IngestLongBenchmark implements Benchmark {
  private static final double MEGABYTE = 1e6;
  private static final long TIMES_LARGER = 5;

  /** Heap, open and frozen layers, block cache. */
  private static final double MEMORY_LIMIT_MIB = 1024 + 512 + 64;

  /** Of the peak, from the second gigabyte to the last. */
  private static final double GROWTH_LIMIT_MIB = 128;

  @Override
  public void run(Workspace workspace, Report report)
      throws BenchFailure, StorageException, IOException, InterruptedException {
    Options options = workspace.options();
    long milestoneBytes = options.walSizeBytesMin();
    WalArchive archive = workspace.longArchive(TIMES_LARGER);
    double megabytes = archive.sizeBytes() / MEGABYTE;
    try (IngestRun run = IngestRun.start(archive, workspace.newDirectory("long-ingest"))) {
      List<Double> peaks = new ArrayList<>();
      IngestRun.Times times = run.ingest(milestoneBytes, _ -> peaks.add(run.peakMebibytes()));
      double peak = run.peakMebibytes();
      report.add(Figure.alone("long ingest WAL", "MB", megabytes));
      report.add(
          Figure.alone(
              "long ingest to flushed layers", "MB/s", megabytes / times.flushedSeconds()));
      report.add(Figure.within("long ingest peak memory", "MiB", peak, MEMORY_LIMIT_MIB));
      report.add(
          Figure.within(
              "long ingest peak memory, growth after 2 of 5",
              "MiB",
              Math.max(1, peak - peaks.get(1)),
              GROWTH_LIMIT_MIB));
    }
  }
}
