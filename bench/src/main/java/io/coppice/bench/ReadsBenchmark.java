package io.coppice.bench;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.objectstore.LocalObjectStore;
import io.coppice.common.platform.Clock;
import io.coppice.common.platform.Ids;
import io.coppice.compute.archive.TarPacker;
import io.coppice.pageserver.cache.PageBuffers;
import io.coppice.pageserver.importer.DataDirectoryImporter;
import io.coppice.pageserver.importer.ImportTarget;
import io.coppice.pageserver.ingest.WalIngest;
import io.coppice.pageserver.query.RelationState;
import io.coppice.pageserver.query.TimelineReader;
import io.coppice.pageserver.tenant.TenantManager;
import io.coppice.pageserver.tenant.TenantManagerConfig;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.postgres.files.ClusterFiles;
import io.coppice.postgres.files.WalFileReader;
import io.coppice.postgres.files.WalFiles;
import io.coppice.postgres.wal.WalRecord;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Warm reads of pgbench's largest table in this process, without gRPC, against a RocksDB that has
 * the same pages as they are and finds them by key: one thread, the same random blocks.
 */
final class ReadsBenchmark implements Benchmark {
  private static final long PAGE_CACHE_SIZE_BYTES = 1L << 30;
  private static final long FLUSH_TIMEOUT_MILLIS = 600_000;
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
      TimelineReader reader = load(tenants, archive, directory);
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

  private static TimelineReader load(TenantManager tenants, WalArchive archive, Path directory)
      throws StorageException, IOException, InterruptedException {
    Path tar = directory.resolve("base.tar");
    try (OutputStream out = Files.newOutputStream(tar)) {
      TarPacker.pack(archive.base(), out);
    }
    ImportTarget target =
        new ImportTarget(
            Ids.newTenantId(Ids.secureRandom()),
            "bench",
            Ids.newTimelineId(Ids.secureRandom()),
            "main");
    Timeline timeline;
    try (InputStream in = Files.newInputStream(tar)) {
      timeline =
          new DataDirectoryImporter(tenants, directory.resolve("spool")).importTar(target, in);
    }
    TimelineReader reader = new TimelineReader(timeline);
    WalRecord record = new WalRecord();
    try (ClusterFiles base = ClusterFiles.open(archive.base());
        WalFileReader wal = WalFiles.open(archive.segments()).readFrom(base.startLsn())) {
      WalIngest ingest = WalIngest.open(timeline, reader.sizes()::changed);
      while (wal.next(record)) {
        if (record.end().isAfter(timeline.lastRecordLsn())) {
          ingest.ingest(record);
        }
      }
    }
    timeline.flush(FLUSH_TIMEOUT_MILLIS);
    return reader;
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
