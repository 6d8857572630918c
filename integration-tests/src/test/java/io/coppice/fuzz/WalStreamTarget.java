package io.coppice.fuzz;

import static io.coppice.postgres.bytes.LittleEndian.i32;
import static io.coppice.postgres.bytes.LittleEndian.putI32;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.WalDecoder;
import io.coppice.postgres.wal.WalLayout;
import io.coppice.postgres.wal.WalRecord;
import java.util.zip.CRC32C;

/**
 * Input: major (1), pieces (1), bytes of a log from the start of a segment. The first record's CRC
 * is made right, so that what comes after it is reached.
 */
public final class WalStreamTarget {
  private static final int SEGMENT_SIZE_BYTES = 1 << 20;
  private static final Lsn START = new Lsn(16L * SEGMENT_SIZE_BYTES);
  private static final int CRC_AT = 20;

  private WalStreamTarget() {}

  /** What Jazzer calls. */
  public static void fuzzerTestOneInput(byte[] input) {
    InputReader reader = new InputReader(input);
    PostgresVersion version = reader.version();
    int pieceBytes = 1 + reader.u8() * 64;
    byte[] bytes = reader.rest();
    fixFirstCrc(bytes);
    decode(new WalDecoder(version, SEGMENT_SIZE_BYTES, START), bytes, pieceBytes);
    decode(WalDecoder.ofFiles(version, SEGMENT_SIZE_BYTES, START), bytes, pieceBytes);
    decode(WalDecoder.ofFilesFromPage(version, SEGMENT_SIZE_BYTES, START), bytes, pieceBytes);
  }

  private static void fixFirstCrc(byte[] bytes) {
    int at = WalLayout.LONG_PAGE_HEADER_BYTES;
    if (bytes.length < at + WalLayout.RECORD_HEADER_BYTES) {
      return;
    }
    int length = i32(bytes, at);
    int end = PostgresVersion.WAL_PAGE_SIZE_BYTES;
    if (length < WalLayout.RECORD_HEADER_BYTES || length > Math.min(bytes.length, end) - at) {
      return;
    }
    CRC32C crc = new CRC32C();
    crc.update(bytes, at + WalLayout.RECORD_HEADER_BYTES, length - WalLayout.RECORD_HEADER_BYTES);
    crc.update(bytes, at, CRC_AT);
    putI32(bytes, at + CRC_AT, (int) crc.getValue());
  }

  private static void decode(WalDecoder decoder, byte[] bytes, int pieceBytes) {
    WalRecord record = new WalRecord();
    try {
      for (int at = 0; at < bytes.length; at += pieceBytes) {
        decoder.feed(bytes, at, Math.min(pieceBytes, bytes.length - at));
        while (decoder.next(record)) {
          if (record.end().isAfter(decoder.fedUpTo())) {
            throw new AssertionError("%s ends behind what was fed".formatted(record));
          }
        }
      }
    } catch (StorageException.Corrupt _) {
      // Refused.
    }
  }
}
