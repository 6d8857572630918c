package io.coppice.postgres.verify;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.postgres.control.ControlFile;
import io.coppice.postgres.version.PostgresVersion;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * All WAL that a stopped server wrote since a copy of its data directory was made.
 *
 * @param bytes from {@code start} to the end of the last record, which is the shutdown checkpoint
 */
@SuppressWarnings("ArrayRecordComponent")
record ServerWal(PostgresVersion version, int segmentSizeBytes, Lsn start, byte[] bytes) {

  static ServerWal read(Path base, Path data) throws IOException, StorageException {
    ControlFile before = control(base);
    int segmentSize = before.walSegmentSizeBytes();
    Lsn start = before.checkPoint().redo();
    Lsn last = control(data).checkPointLsn();
    // The shutdown checkpoint is no longer than a page; behind it the last segment is zeros.
    Lsn end = last.plus(1 << 13);
    byte[] wal = new byte[Math.toIntExact(end.minus(start))];
    int filled = 0;
    while (filled < wal.length) {
      Lsn at = start.plus(filled);
      int from = (int) (at.value() % segmentSize);
      int count = Math.min(wal.length - filled, segmentSize - from);
      Path file = data.resolve("pg_wal").resolve(segmentName(at, segmentSize));
      if (!Files.exists(file)) {
        return new ServerWal(before.version(), segmentSize, start, Arrays.copyOf(wal, filled));
      }
      try (RandomAccessFile segment = new RandomAccessFile(file.toFile(), "r")) {
        segment.seek(from);
        segment.readFully(wal, filled, count);
      }
      filled += count;
    }
    return new ServerWal(before.version(), segmentSize, start, wal);
  }

  private static String segmentName(Lsn at, int segmentSize) {
    long segment = at.value() / segmentSize;
    long segmentsPerId = (1L << 32) / segmentSize;
    return "%08X%08X%08X".formatted(1, segment / segmentsPerId, segment % segmentsPerId);
  }

  private static ControlFile control(Path directory) throws IOException, StorageException {
    return ControlFile.read(Files.readAllBytes(directory.resolve(ControlFile.PATH)));
  }
}
