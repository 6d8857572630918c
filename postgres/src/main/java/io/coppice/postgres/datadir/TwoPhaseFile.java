package io.coppice.postgres.datadir;

import static io.coppice.postgres.bytes.LittleEndian.i32;
import static io.coppice.postgres.bytes.LittleEndian.putI32;

import io.coppice.common.error.StorageException;
import java.util.Arrays;
import java.util.zip.CRC32C;

/**
 * The file of a prepared transaction: the main data of its PREPARE record, then a CRC of it ({@code
 * twophase.c}).
 */
public final class TwoPhaseFile {
  private static final int CRC_BYTES = 4;

  /** More than any state that Postgres would read back ({@code MaxAllocSize}). */
  private static final int FILE_BYTES_MAX = 1 << 30;

  private TwoPhaseFile() {}

  /** The file for that state. */
  public static byte[] encode(byte[] state) {
    byte[] file = Arrays.copyOf(state, state.length + CRC_BYTES);
    putI32(file, state.length, crc(state, state.length));
    return file;
  }

  /** The state in that file. */
  public static byte[] decode(byte[] file) throws StorageException.Corrupt {
    if (file.length < CRC_BYTES || file.length > FILE_BYTES_MAX) {
      throw new StorageException.Corrupt(
          "two-phase file: expected %d to %d bytes, got %d"
              .formatted(CRC_BYTES, FILE_BYTES_MAX, file.length));
    }
    int stateBytes = file.length - CRC_BYTES;
    int computed = crc(file, stateBytes);
    int stored = i32(file, stateBytes);
    if (stored != computed) {
      throw new StorageException.Corrupt(
          "two-phase file: CRC: expected %08x, got %08x".formatted(computed, stored));
    }
    return Arrays.copyOf(file, stateBytes);
  }

  private static int crc(byte[] bytes, int length) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, 0, length);
    return (int) crc.getValue();
  }
}
