package io.coppice.safekeeper.wal;

import static io.coppice.safekeeper.wal.BlockChecksum.BLOCK_SIZE_BYTES;
import static io.coppice.safekeeper.wal.BlockChecksum.ENTRY_SIZE_BYTES;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.Arrays;
import java.util.TreeSet;

/**
 * Cuts a log off in steps, each durable before the next. Whichever is the last, what is found then
 * is a log that ends at the cut or behind it, without holes:
 *
 * <ol>
 *   <li>Checksums behind the cut go, those of the newest segment first; that of the block at the
 *       cut is made to cover only what stays. Nothing claims any more that the log was longer.
 *   <li>Later segments are deleted.
 *   <li>The rest of the last segment is overwritten with zeros.
 * </ol>
 */
final class LogCut {
  private static final int ZERO_CHECK_SIZE_BYTES = 64 * 1024;
  private static final byte[] ZEROS = new byte[ZERO_CHECK_SIZE_BYTES];

  private LogCut() {}

  /**
   * Cuts.
   *
   * @param tail the block that holds {@code end}, checked
   * @param distrustful another process wrote this: what looks like zeros may be what the kernel has
   *     given up writing, above what is on the disk, and is written once more
   */
  static void at(WalSegments segments, Lsn end, byte[] tail, boolean distrustful)
      throws StorageException.Corrupt, IOException {
    long last = segments.numberOf(end);
    for (long number : new TreeSet<>(segments.list().tailSet(last)).descendingSet()) {
      boolean isLast = number == last;
      cutChecksums(segments, number, isLast ? end : segments.startOf(number), tail);
    }
    segments.deleteAfter(last);
    if (last > 0 && segments.offsetIn(end) == 0 && segments.exists(last - 1)) {
      try (FileChannel channel = segments.openForWriting(last - 1)) {
        channel.force(true);
      }
    }
    if (segments.exists(last)) {
      clearBehind(segments, last, segments.offsetIn(end), distrustful);
    }
  }

  private static void cutChecksums(WalSegments segments, long number, Lsn end, byte[] tail)
      throws StorageException.Corrupt, IOException {
    Lsn block = BlockChecksum.blockOf(end);
    int kept = BlockChecksum.offsetInBlock(end);
    int first = segments.offsetIn(block) / BLOCK_SIZE_BYTES;
    ByteBuffer entries = ChecksumFile.newBuffer(segments.blocks() - first);
    try (ChecksumFile file = ChecksumFile.openForWriting(segments, number)) {
      file.read(first, entries);
      ByteBuffer changed = ChecksumFile.newBuffer(segments.blocks() - first);
      if (kept > 0 && entries.getInt(4) > kept) {
        int crc = BlockChecksum.crcOf(block, tail, 0, kept);
        new BlockChecksum(crc, kept, kept).encode(block, changed);
      } else if (kept > 0) {
        changed.put(entries.slice(0, ENTRY_SIZE_BYTES));
      }
      // Also if nothing changes: a process before this one may have ended before it synced its cut.
      file.write(first, changed.rewind());
      file.force();
    }
  }

  private static void clearBehind(WalSegments segments, long last, int from, boolean distrustful)
      throws IOException {
    try (FileChannel channel = segments.openForWriting(last)) {
      ByteBuffer block = ByteBuffer.allocate(ZERO_CHECK_SIZE_BYTES);
      long offset = from;
      while (offset < segments.sizeBytes()) {
        block.clear().limit((int) Math.min(block.capacity(), segments.sizeBytes() - offset));
        int count = channel.read(block, offset);
        if (distrustful || !isZero(block.array(), count)) {
          WalSegments.writeZeros(channel, offset, offset + count);
        }
        offset += count;
      }
      channel.force(true);
    }
  }

  private static boolean isZero(byte[] bytes, int length) {
    return Arrays.equals(bytes, 0, length, ZEROS, 0, length);
  }
}
