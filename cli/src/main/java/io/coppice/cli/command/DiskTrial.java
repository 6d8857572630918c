package io.coppice.cli.command;

import io.coppice.common.platform.Clock;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

/** How long a disk takes to make small writes durable, tried with a file that is deleted again. */
final class DiskTrial {
  private static final int SYNCS = 200;
  private static final int WRITE_SIZE_BYTES = 8 * 1024;
  private static final int NANOS_PER_MICRO = 1_000;

  /** What was found out. */
  record Result(
      Path directory,
      String fileSystem,
      long freeBytes,
      long totalBytes,
      int syncs,
      long medianMicros,
      long p99Micros,
      long maxMicros) {}

  private DiskTrial() {}

  static Result run(Path directory, Clock clock) throws IOException {
    Files.createDirectories(directory);
    FileStore store = Files.getFileStore(directory);
    long[] micros = syncMicros(directory, clock);
    return new Result(
        directory,
        store.type(),
        store.getUsableSpace(),
        store.getTotalSpace(),
        SYNCS,
        micros[SYNCS / 2],
        micros[SYNCS - 1 - SYNCS / 100],
        micros[SYNCS - 1]);
  }

  /** In order of length. The file is made whole first, as segments of WAL are. */
  private static long[] syncMicros(Path directory, Clock clock) throws IOException {
    Path file = Files.createTempFile(directory, "doctor-", ".tmp");
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.allocate(SYNCS * WRITE_SIZE_BYTES));
      channel.force(true);
      long[] micros = new long[SYNCS];
      ByteBuffer block = ByteBuffer.allocate(WRITE_SIZE_BYTES);
      for (int i = 0; i < SYNCS; i++) {
        long start = clock.monotonicNanos();
        channel.write(block.put(0, (byte) i).rewind(), (long) i * WRITE_SIZE_BYTES);
        channel.force(false);
        micros[i] = (clock.monotonicNanos() - start) / NANOS_PER_MICRO;
      }
      Arrays.sort(micros);
      return micros;
    } finally {
      Files.delete(file);
    }
  }
}
