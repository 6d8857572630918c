package io.coppice.bench;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.objectstore.LocalObjectStore;
import io.coppice.common.platform.Clock;
import io.coppice.common.platform.Ids;
import io.coppice.pageserver.cache.PageBuffers;
import io.coppice.pageserver.query.RelationState;
import io.coppice.pageserver.query.TimelineReader;
import io.coppice.pageserver.tenant.TenantManager;
import io.coppice.pageserver.tenant.TenantManagerConfig;
import io.coppice.pageserver.timeline.Timeline;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Warm reads of pgbench's largest table in this process, without gRPC, against a RocksDB that has
 * the same pages as they are and finds them by key: one thread, the same random blocks.
 */
final class ReadsBenchmark implements Benchmark {
  private static final long PAGE_CACHE_SIZE_BYTES = 1L << 30;
  private static final int ROUNDS = 3;
  private static final int READS_PER_LOOK = 256;

  /** Reads a block of the table. */
  @FunctionalInterface
  private interface Read {
    void block(int block) throws StorageException, BenchFailure;
  }

  @Override
  public void run(Workspace workspace, Report report)
      throws BenchFailure, StorageException, IOException, InterruptedException {
    WalArchive archive = workspace.archive();
    RelationTag table = GetPagesBenchmark.largestRelation(archive.base());
    Path directory = workspace.newDirectory("reads");
    double seconds = workspace.options().seconds() / (double) ROUNDS;
    TenantManagerConfig config =
        TenantManagerConfig.defaults(directory.resolve("pageserver"))
            .with()
            .pageCacheSizeBytes(PAGE_CACHE_SIZE_BYTES)
            .build();
    try (LocalObjectStore objects =
            LocalObjectStore.open(directory.resolve("objects"), Ids.secureRandom());
        TenantManager tenants = TenantManager.open(config, objects, Clock.SYSTEM)) {
      Timeline timeline = ArchiveLoad.importBase(tenants, archive, directory);
      TimelineReader reader = ArchiveLoad.ingest(timeline, archive);
      Lsn lsn = reader.timeline().lastRecordLsn();
      int blocks =
          (int)
              reader.relation(table, lsn).map(RelationState::sizeBlocks).orElseThrow().longValue();
      double cold = readAll(reader, table, blocks, lsn);
      try (RocksPages rocks = RocksPages.of(reader, table, blocks, lsn, directory)) {
        PageBuffers buffers = new PageBuffers();
        Read ours = block -> readCached(reader, table, block, lsn, buffers);
        double reads = 0;
        double gets = 0;
        for (int round = 0; round <= ROUNDS; round++) {
          double oursNow = perSecond(ours, blocks, seconds);
          double rocksNow = perSecond(rocks::get, blocks, seconds);
          if (round > 0) { // the first warms both
            reads += oursNow / ROUNDS;
            gets += rocksNow / ROUNDS;
          }
        }
        report.add(Figure.rate("page in memory, in process", "pages/s", reads, gets));
        report.add(Figure.rate("page rebuilt, in process", "pages/s", cold, gets));
      }
    }
  }

  /** Each block once, in random order, so that none is in the page cache yet. */
  private static double readAll(TimelineReader reader, RelationTag table, int blocks, Lsn lsn)
      throws StorageException {
    int[] order = new int[blocks];
    SplittableRandom random = new SplittableRandom(7);
    for (int i = 0; i < blocks; i++) {
      int at = random.nextInt(i + 1);
      order[i] = order[at];
      order[at] = i;
    }
    long startNanos = Clock.SYSTEM.monotonicNanos();
    PageBuffers buffers = new PageBuffers();
    for (int block : order) {
      readCached(reader, table, block, lsn, buffers);
    }
    return blocks / ((Clock.SYSTEM.monotonicNanos() - startNanos) / 1e9);
  }

  private static void readCached(
      TimelineReader reader, RelationTag table, int block, Lsn lsn, PageBuffers buffers)
      throws StorageException {
    reader.readCachedPages(table, List.of(block), lsn, buffers, (index, page) -> {});
    buffers.reuse();
  }

  private static double perSecond(Read read, int blocks, double seconds)
      throws StorageException, BenchFailure {
    SplittableRandom random = new SplittableRandom(42);
    long startNanos = Clock.SYSTEM.monotonicNanos();
    long done = 0;
    double elapsed;
    do {
      for (int i = 0; i < READS_PER_LOOK; i++) {
        read.block(random.nextInt(blocks));
      }
      done += READS_PER_LOOK;
      elapsed = (Clock.SYSTEM.monotonicNanos() - startNanos) / 1e9;
    } while (elapsed < seconds);
    return done / elapsed;
  }
}
