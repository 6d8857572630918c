package io.coppice.bench;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.pageserver.timeline.UpkeepLimits;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/** Reads of one thread while another compacts and makes images, against reads without that. */
final class CompactionReadsBenchmark implements Benchmark {
  private static final int PAGES = 40_960;
  private static final int FLUSHES = 10;
  private static final int ROUNDS = 3;
  private static final int READS_ALONE = 50_000;

  @Override
  public void run(Workspace workspace, Report report)
      throws BenchFailure, StorageException, IOException, InterruptedException {
    int pages = workspace.options().isTiny() ? PAGES / 10 : PAGES;
    Path directory = workspace.newDirectory("compaction");
    List<long[]> alone = new ArrayList<>();
    List<long[]> during = new ArrayList<>();
    // What is flushed last makes compaction due; images come after each.
    UpkeepLimits limits = new UpkeepLimits(FLUSHES, 40, 20, 128L << 20, 1);
    try (CostStore store = new CostStore(directory, limits)) {
      Timeline root = store.importPages(pages);
      SplittableRandom random = new SplittableRandom(3);
      for (int round = 0; round < ROUNDS; round++) {
        for (int flush = 1; flush < FLUSHES; flush++) {
          store.changeAndFlush(root, 0, pages);
        }
        Lsn lsn = root.lastRecordLsn();
        var _ = read(root, random, pages, lsn, READS_ALONE);
        alone.add(read(root, random, pages, lsn, READS_ALONE));
        store.changeAndFlush(root, 0, pages);
        during.add(readDuring(root, random, pages, lsn));
      }
    }
    Percentiles without = Percentiles.ofAll(alone);
    Percentiles with = Percentiles.ofAll(during);
    for (double percent : new double[] {50, 99}) {
      report.add(
          Figure.within(
              "read p%.0f during compaction".formatted(percent),
              "us",
              with.millis(percent) * 1e3,
              without.millis(percent) * 1e3));
    }
  }

  private static long[] read(
      Timeline timeline, SplittableRandom random, int pages, Lsn lsn, int count)
      throws StorageException {
    long[] nanos = new long[count];
    for (int i = 0; i < count; i++) {
      nanos[i] = CostStore.readNanos(timeline, random.nextInt(pages), lsn);
    }
    return nanos;
  }

  /** All reads between the begin and the end of the compaction and of the images after it. */
  private static long[] readDuring(Timeline timeline, SplittableRandom random, int pages, Lsn lsn)
      throws BenchFailure, StorageException {
    CompletableFuture<Void> upkeep = CompletableFuture.runAsync(() -> finishUpkeep(timeline));
    List<long[]> parts = new ArrayList<>();
    while (!upkeep.isDone()) {
      parts.add(read(timeline, random, pages, lsn, 100));
    }
    upkeep.join();
    if (timeline.layerStatistics().level0Count() >= FLUSHES) {
      throw new BenchFailure("nothing was compacted");
    }
    return parts.stream().flatMapToLong(Arrays::stream).toArray();
  }

  private static void finishUpkeep(Timeline timeline) {
    try {
      CostStore.finishUpkeep(timeline);
    } catch (StorageException e) {
      throw new CompletionException(e);
    }
  }
}
