package io.coppice.safekeeper.wal;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.WalDecoder;
import io.coppice.postgres.wal.WalRecord;
import io.coppice.safekeeper.consensus.TimelineProperties;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.Optional;

/** Finds where the valid WAL in the segment files of a timeline ends. */
final class WalScan {
  private static final int CHUNK_SIZE_BYTES = 256 * 1024;

  private WalScan() {}

  /**
   * End of the last whole record.
   *
   * @param from a record boundary; WAL below it is taken to be there
   * @throws StorageException.Corrupt if a segment has a wrong length
   */
  static Lsn findEnd(WalSegments segments, TimelineProperties properties, Lsn from)
      throws StorageException, IOException {
    WalDecoder decoder =
        WalDecoder.ofFiles(
            PostgresVersion.ofMajor(properties.postgresMajor()),
            properties.walSegmentSizeBytes(),
            from);
    decoder.expectSystemId(properties.systemId());
    WalRecord record = new WalRecord();
    byte[] chunk = new byte[CHUNK_SIZE_BYTES];
    for (long number = segments.numberOf(from); ; number++) {
      Optional<FileChannel> opened = segments.openForReading(number);
      if (opened.isEmpty()) {
        return decoder.position();
      }
      try (FileChannel channel = opened.get()) {
        int offset = number == segments.numberOf(from) ? segments.offsetIn(from) : 0;
        while (offset < segments.sizeBytes()) {
          int count = channel.read(ByteBuffer.wrap(chunk), offset);
          decoder.feed(chunk, 0, count);
          if (!readAll(decoder, record)) {
            return decoder.position();
          }
          offset += count;
        }
      }
    }
  }

  /** Whether the log may go on behind what was fed. */
  private static boolean readAll(WalDecoder decoder, WalRecord record) {
    try {
      while (decoder.next(record)) {
        // only the positions matter
      }
      return !decoder.atEndOfWal();
    } catch (StorageException tornRecord) {
      return false;
    }
  }
}
