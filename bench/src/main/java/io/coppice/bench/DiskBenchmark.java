package io.coppice.bench;

import com.github.luben.zstd.Zstd;
import io.coppice.common.error.StorageException;
import io.coppice.common.objectstore.LocalObjectStore;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.common.platform.Clock;
import io.coppice.common.platform.Ids;
import io.coppice.pageserver.tenant.TenantManager;
import io.coppice.pageserver.tenant.TenantManagerConfig;
import io.coppice.pageserver.timeline.LayerInfo;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.pageserver.timeline.UpkeepLimits;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * Bytes at rest of a history of pgbench: the object store, with all history and all compacted,
 * beside a stock data directory and the archive of its WAL. No process takes part in it.
 */
final class DiskBenchmark implements Benchmark {
  private static final double MEGABYTE = 1e6;
  private static final int WAL_COMPRESSION_LEVEL = 1;
  private static final long OPEN_LAYER_SIZE_BYTES_MAX = 64L << 20;

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
      Timeline timeline = ArchiveLoad.importBase(tenants, archive, directory);
      report.add(Figure.alone("disk: base, as images", "MB", megabytes(timeline)));
      var _ = ArchiveLoad.ingest(timeline, archive);
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
            "disk: with the WAL of safekeepers",
            "MB",
            (objectBytes + compressedBytes(archive.segments())) / MEGABYTE,
            stock / 2));
  }

  /** Of segments, one by one, as safekeepers put them into the object store. */
  private static long compressedBytes(Path segments) throws IOException {
    long sum = 0;
    try (Stream<Path> files = Files.list(segments)) {
      for (Path file : files.toList()) {
        sum += Zstd.compress(Files.readAllBytes(file), WAL_COMPRESSION_LEVEL).length;
      }
    }
    return sum;
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
