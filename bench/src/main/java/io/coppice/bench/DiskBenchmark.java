package io.coppice.bench;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.objectstore.LocalObjectStore;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.common.platform.Clock;
import io.coppice.common.platform.Ids;
import io.coppice.compute.archive.TarPacker;
import io.coppice.pageserver.importer.DataDirectoryImporter;
import io.coppice.pageserver.importer.ImportTarget;
import io.coppice.pageserver.ingest.WalIngest;
import io.coppice.pageserver.query.TimelineReader;
import io.coppice.pageserver.tenant.TenantManager;
import io.coppice.pageserver.tenant.TenantManagerConfig;
import io.coppice.pageserver.timeline.LayerInfo;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.pageserver.timeline.UpkeepLimits;
import io.coppice.postgres.files.WalFileReader;
import io.coppice.postgres.files.WalFiles;
import io.coppice.postgres.wal.WalRecord;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * Bytes at rest of a history of pgbench: the object store, with all history and all compacted,
 * beside a stock data directory and the archive of its WAL. No process takes part in it.
 */
final class DiskBenchmark implements Benchmark {
  private static final double MEGABYTE = 1e6;
  private static final TenantId TENANT = new TenantId(1, 1);
  private static final long OPEN_LAYER_SIZE_BYTES_MAX = 64L << 20;
  private static final long FLUSH_MILLIS = 600_000;

  /** As much as can be done is done, so that nothing is measured that is about to change. */
  private static final UpkeepLimits LIMITS = new UpkeepLimits(2, 40, 20, 128L << 20, 3);

  @Override
  public void run(Workspace workspace, Report report)
      throws BenchFailure, StorageException, IOException, InterruptedException {
    WalArchive archive = workspace.archive();
    Path directory = workspace.newDirectory("disk");
    try (ObjectStore objects =
            LocalObjectStore.open(directory.resolve("objects"), Ids.secureRandom());
        TenantManager tenants =
            TenantManager.open(
                TenantManagerConfig.defaults(directory.resolve("pageserver"))
                    .with()
                    .openLayerSizeBytesMax(OPEN_LAYER_SIZE_BYTES_MAX)
                    .upkeep(LIMITS)
                    .build(),
                objects,
                Clock.SYSTEM)) {
      Timeline timeline = importBase(tenants, directory, archive.base());
      report.add(Figure.alone("disk: base, as images", "MB", megabytes(timeline)));
      ingest(timeline, archive);
      timeline.flush(FLUSH_MILLIS);
      CostStore.finishUpkeep(timeline);
      for (LayerInfo.Kind kind :
          new LayerInfo.Kind[] {LayerInfo.Kind.IMAGE, LayerInfo.Kind.DELTA}) {
        report.add(Figure.alone("disk: all " + kind + " layers", "MB", megabytes(timeline, kind)));
      }
    }
    compare(report, archive, sizeBytes(directory.resolve("objects")));
  }

  private static void compare(Report report, WalArchive archive, long objectBytes)
      throws IOException {
    long wal = sizeBytes(archive.segments());
    long stockData = sizeBytes(archive.live());
    double stock = (stockData + wal) / MEGABYTE;
    report.add(Figure.alone("disk: stock data directory", "MB", stockData / MEGABYTE));
    report.add(Figure.alone("disk: stock WAL archive", "MB", wal / MEGABYTE));
    // The bar is half of stock.
    report.add(
        Figure.within("disk: objects of the page server", "MB", objectBytes / MEGABYTE, stock / 2));
    report.add(
        Figure.within(
            "disk: with the WAL of safekeepers", "MB", (objectBytes + wal) / MEGABYTE, stock / 2));
  }

  private static Timeline importBase(TenantManager tenants, Path directory, Path base)
      throws StorageException, IOException {
    Path tar = directory.resolve("base.tar");
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(tar))) {
      TarPacker.pack(base, out);
    }
    try (InputStream in = new BufferedInputStream(Files.newInputStream(tar))) {
      return new DataDirectoryImporter(tenants, directory.resolve("spool"))
          .importTar(new ImportTarget(TENANT, "disk", new TimelineId(1, 2), "main"), in);
    } finally {
      Files.delete(tar);
    }
  }

  private static void ingest(Timeline timeline, WalArchive archive) throws StorageException {
    WalIngest ingest = WalIngest.open(timeline, new TimelineReader(timeline).sizes()::changed);
    WalRecord record = new WalRecord();
    try (WalFileReader reader =
        WalFiles.open(archive.segments()).readFrom(timeline.lastRecordLsn())) {
      while (reader.next(record)) {
        ingest.ingest(record);
      }
    }
  }

  private static double megabytes(Timeline timeline) {
    return timeline.layerSizeBytes() / MEGABYTE;
  }

  private static double megabytes(Timeline timeline, LayerInfo.Kind kind) {
    return timeline.layers().stream()
            .filter(layer -> layer.kind() == kind)
            .mapToLong(LayerInfo::sizeBytes)
            .sum()
        / MEGABYTE;
  }

  private static long sizeBytes(Path directory) throws IOException {
    long sum = 0;
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        if (!file.startsWith(directory.resolve("pg_wal"))) {
          sum += Files.size(file);
        }
      }
    }
    return sum;
  }
}
