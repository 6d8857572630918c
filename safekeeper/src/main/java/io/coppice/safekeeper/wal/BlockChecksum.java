package io.coppice.safekeeper.wal;

import io.coppice.common.id.Lsn;
import io.coppice.postgres.version.PostgresVersion;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * What is stored to check one block of WAL by: an entry of a {@link ChecksumFile}. Little endian.
 *
 * <pre>
 *   0            4           8           12           16
 *   +------------+-----------+-----------+------------+
 *   | block CRC  | length    | whole     | entry CRC  |   all zero: no checksum yet
 *   | u32        | u32       | u32       | u32        |
 *   +------------+-----------+-----------+------------+
 * </pre>
 *
 * <p>Both are CRC32C and begin with the LSN of the block (u64), so that neither the bytes nor the
 * entry of another place pass for this one's: the block CRC goes on with the block's first {@code
 * length} bytes, the entry CRC with the twelve bytes before it.
 *
 * <p>An entry is written only after what it covers was synced. So bytes that do not agree with an
 * entry are damaged: a crash cannot have left them.
 *
 * @param lengthBytes how much of the block the CRC covers; less than a block at the end of the log
 * @param wholeBytes how much of that was known, when this was written, to be of whole records; zero
 *     if a record that began before the block did not end
 */
record BlockChecksum(int crc, int lengthBytes, int wholeBytes) {
  static final int BLOCK_SIZE_BYTES = PostgresVersion.WAL_PAGE_SIZE_BYTES;
  static final int ENTRY_SIZE_BYTES = 16;
  private static final int CHECKED_SIZE_BYTES = 12;

  /** The block that holds the byte at {@code lsn}. */
  static Lsn blockOf(Lsn lsn) {
    return lsn.plus(-offsetInBlock(lsn));
  }

  static int offsetInBlock(Lsn lsn) {
    return (int) Long.remainderUnsigned(lsn.value(), BLOCK_SIZE_BYTES);
  }

  /** The CRC of the first {@code length} bytes of a block. */
  static int crcOf(Lsn block, byte[] bytes, int offset, int length) {
    CRC32C crc = new CRC32C();
    for (int shift = 0; shift < Long.SIZE; shift += Byte.SIZE) {
      crc.update((int) (block.value() >>> shift));
    }
    crc.update(bytes, offset, length);
    return (int) crc.getValue();
  }

  /** Appends the entry. */
  void encode(Lsn block, ByteBuffer out) {
    int start = out.position();
    out.putInt(crc).putInt(lengthBytes).putInt(wholeBytes);
    out.putInt(entryCrc(block, out, start));
  }

  /**
   * Reads the entry at {@code offset}; empty if there is none yet.
   *
   * @throws DamagedEntry if it fails its check
   */
  static Optional<BlockChecksum> decode(Lsn block, ByteBuffer in, int offset) throws DamagedEntry {
    int crc = in.getInt(offset);
    int length = in.getInt(offset + 4);
    int whole = in.getInt(offset + 8);
    int stored = in.getInt(offset + CHECKED_SIZE_BYTES);
    if ((crc | length | whole | stored) == 0) {
      return Optional.empty();
    }
    int expected = entryCrc(block, in, offset);
    if (stored != expected) {
      throw new DamagedEntry("expected CRC32C %08x, found %08x".formatted(expected, stored));
    }
    if (length < 1 || length > BLOCK_SIZE_BYTES || whole < 0 || whole > length) {
      throw new DamagedEntry(
          "expected 1 to %d bytes, found %d, %d of them whole"
              .formatted(BLOCK_SIZE_BYTES, length, whole));
    }
    return Optional.of(new BlockChecksum(crc, length, whole));
  }

  /** Whether a block's bytes are those that this is of. */
  boolean agrees(Lsn block, byte[] bytes, int offset) {
    return crcOf(block, bytes, offset, lengthBytes) == crc;
  }

  /** What is wrong with a block's bytes, or null if they agree. */
  @Nullable String problemOf(Lsn block, byte[] bytes, int offset) {
    if (agrees(block, bytes, offset)) {
      return null;
    }
    return "expected CRC32C %08x over %d bytes, found %08x"
        .formatted(crc, lengthBytes, crcOf(block, bytes, offset, lengthBytes));
  }

  private static int entryCrc(Lsn block, ByteBuffer entry, int offset) {
    byte[] checked = new byte[CHECKED_SIZE_BYTES];
    entry.get(offset, checked);
    return crcOf(block, checked, 0, CHECKED_SIZE_BYTES);
  }

  /** An entry that fails its own check. */
  static final class DamagedEntry extends Exception {
    private final String problem;

    DamagedEntry(String problem) {
      super(problem);
      this.problem = problem;
    }

    String problem() {
      return problem;
    }
  }
}
