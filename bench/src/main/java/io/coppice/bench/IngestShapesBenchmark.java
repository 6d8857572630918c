package io.coppice.bench;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.key.Key;
import io.coppice.common.platform.Clock;
import io.coppice.common.platform.DurableFiles;
import io.coppice.pageserver.layer.LayerEnvironment;
import io.coppice.pageserver.layer.LayerKind;
import io.coppice.pageserver.layer.LayerName;
import io.coppice.pageserver.layer.OpenLayer;
import io.coppice.pageserver.layer.SstLayerWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.SplittableRandom;

/**
 * 128 MiB of values put into an open layer and written to a level 0 file, synced and with its
 * checksum, by one thread: what Neon's {@code bench_ingest} measures, beside the best that its
 * source publishes for the shape, on whichever of its machines and ways to write. There is no WAL
 * in it.
 *
 * <p>Values are random bytes here, which do not compress, so that as much is written as was put.
 */
final class IngestShapesBenchmark implements Benchmark {
  private static final long TOTAL_BYTES = 128L << 20;
  private static final int SMALL_BYTES = 100;
  private static final int PAGE_BYTES = 8 << 10;
  private static final int REUSED_KEYS = 1 << 10;
  private static final int WARM_UPS = 3;
  private static final int ROUNDS = 7;
  private static final double MEBIBYTE = 1 << 20;
  private static final long BLOCK_CACHE_SIZE_BYTES = 1 << 20;

  /** The order in which keys come. */
  private enum Keys {
    SEQUENTIAL,
    RANDOM,
    REUSED;

    int block(int number) {
      int mixed = number * 0x9E37_79B1;
      return switch (this) {
        case SEQUENTIAL -> number;
        case RANDOM -> mixed;
        case REUSED -> (mixed >>> 16) & (REUSED_KEYS - 1);
      };
    }
  }

  /**
   * @param published MiB/s to a written file, and to memory alone; empty if nobody says
   */
  private record Shape(
      String name,
      int valueBytes,
      Keys keys,
      OptionalDouble published,
      OptionalDouble publishedMemory) {}

  private static final List<Shape> SHAPES =
      List.of(
          new Shape("100 B, sequential", SMALL_BYTES, Keys.SEQUENTIAL, of(205.6), of(479.0)),
          new Shape("100 B, random", SMALL_BYTES, Keys.RANDOM, of(118.9), none()),
          new Shape("100 B, 1024 keys", SMALL_BYTES, Keys.REUSED, of(197.6), none()),
          new Shape("8 KiB, sequential", PAGE_BYTES, Keys.SEQUENTIAL, of(468.4), of(1030.0)),
          new Shape("8 KiB, random", PAGE_BYTES, Keys.RANDOM, none(), none()),
          new Shape("8 KiB, 1024 keys", PAGE_BYTES, Keys.REUSED, none(), none()));

  private static OptionalDouble of(double mebibytesPerSecond) {
    return OptionalDouble.of(mebibytesPerSecond);
  }

  private static OptionalDouble none() {
    return OptionalDouble.empty();
  }

  @Override
  public void run(Workspace workspace, Report report) throws StorageException, IOException {
    Path directory = workspace.newDirectory("shapes");
    byte[] values = new byte[1 << 24];
    new SplittableRandom(1).nextBytes(values);
    try (LayerEnvironment environment = new LayerEnvironment(BLOCK_CACHE_SIZE_BYTES)) {
      for (Shape shape : SHAPES) {
        double[] inMemory = new double[ROUNDS];
        double[] written = new double[ROUNDS];
        for (int i = -WARM_UPS; i < ROUNDS; i++) {
          double[] seconds = once(environment, directory, shape, values);
          if (i >= 0) {
            inMemory[i] = seconds[0];
            written[i] = seconds[1];
          }
        }
        add(report, "ingest " + shape.name + ", to level 0", written, shape.published);
        add(report, "ingest " + shape.name + ", memory", inMemory, shape.publishedMemory);
      }
    }
  }

  private static void add(
      Report report, String name, double[] seconds, OptionalDouble publishedRate) {
    Arrays.sort(seconds);
    double rate = TOTAL_BYTES / MEBIBYTE / seconds[seconds.length / 2];
    report.add(
        publishedRate.isPresent()
            ? Figure.rate(name, "MiB/s", rate, publishedRate.getAsDouble())
            : Figure.alone(name, "MiB/s", rate));
  }

  /** Seconds until all is in memory, and until it is in a file. */
  private static double[] once(
      LayerEnvironment environment, Path directory, Shape shape, byte[] values)
      throws StorageException, IOException {
    Path temporary = directory.resolve("layer.tmp");
    Path file = directory.resolve("layer");
    long startNanos = Clock.SYSTEM.monotonicNanos();
    OpenLayer layer = new OpenLayer(new Lsn(8), 0, environment);
    try (SstLayerWriter writer =
        SstLayerWriter.create(environment, LayerKind.DELTA, 0, temporary)) {
      Lsn last = fill(layer, shape, values);
      layer.setFrozen();
      double inMemory = (Clock.SYSTEM.monotonicNanos() - startNanos) / 1e9;
      SstLayerWriter.KeyBounds keys = writer.putAll(layer);
      LayerName name =
          new LayerName(
              LayerKind.DELTA, keys.first(), keys.last().next(), new Lsn(9), last.plus(1), 1);
      var _ = writer.finish(OWNER, name);
      DurableFiles.renameDurably(temporary, file);
      return new double[] {inMemory, (Clock.SYSTEM.monotonicNanos() - startNanos) / 1e9};
    } finally {
      layer.release();
      Files.deleteIfExists(file);
    }
  }

  private static final TenantTimelineId OWNER =
      new TenantTimelineId(
          TenantId.parse("0".repeat(31) + "1"), TimelineId.parse("0".repeat(31) + "2"));

  /** Each value is a record of its own. */
  private static Lsn fill(OpenLayer layer, Shape shape, byte[] values) throws StorageException {
    int count = (int) (TOTAL_BYTES / shape.valueBytes);
    int from = 0;
    Lsn lsn = layer.startLsn();
    for (int i = 0; i < count; i++) {
      lsn = lsn.plus(Lsn.ALIGNMENT_BYTES);
      if (from + shape.valueBytes > values.length) {
        from = 0;
      }
      // The first byte is the kind of the value: an image, which may come after any other.
      values[from] = 0;
      Key key = new Key(0, 1663, 5, 16384, 0, shape.keys.block(i));
      layer.put(key, lsn, values, from, shape.valueBytes);
      layer.endRecord();
      from += shape.valueBytes;
    }
    return lsn;
  }
}
