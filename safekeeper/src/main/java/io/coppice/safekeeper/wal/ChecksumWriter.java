package io.coppice.safekeeper.wal;

import static io.coppice.safekeeper.wal.BlockChecksum.BLOCK_SIZE_BYTES;

import io.coppice.common.error.Invariant;
import io.coppice.common.id.Lsn;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Computes the checksums of blocks from the bytes in memory as they are appended, and puts them
 * down once those bytes were synced. One owner.
 *
 * <pre>
 *            stored       end
 *   ---|-------|--|--------|-----|    |  blocks
 *              complete    tail
 * </pre>
 *
 * <p>The checksums themselves are synced later, by {@link #sync}: before the control file says that
 * the log reaches so far, and when the next segment is begun. Until then a loss of power may take
 * them, and the records' own CRCs vouch for those blocks.
 */
final class ChecksumWriter implements AutoCloseable {
  private final WalSegments segments;
  private final LogShare share;

  /** The last block as far as it is filled. */
  private final byte[] tail = new byte[BLOCK_SIZE_BYTES];

  /** CRCs of the blocks from that of {@code stored} on that are full. */
  private int[] complete = new int[16];

  private int completeCount;
  private Lsn stored;
  private Lsn end;

  private long openNumber = -1;
  private @Nullable ChecksumFile open;
  private boolean openDirty;

  /** For a log that ends at {@code end}, with nothing to put down. */
  ChecksumWriter(WalSegments segments, LogShare share, Lsn end, byte[] tailBlock) {
    this.segments = segments;
    this.share = share;
    this.stored = end;
    this.end = end;
    System.arraycopy(tailBlock, 0, tail, 0, BlockChecksum.offsetInBlock(end));
  }

  /** For a log that was found: the checksums of its blocks are to be put down. */
  ChecksumWriter(WalSegments segments, LogShare share, WalScan.Found found) {
    this(segments, share, found.end(), found.tail());
    if (found.crcs().length > 0) {
      stored = found.firstBlock();
      completeCount = (int) (BlockChecksum.blockOf(end).minus(stored) / BLOCK_SIZE_BYTES);
      complete = found.crcs();
    }
  }

  /** Takes the bytes that follow; nothing of the buffer is left. */
  void append(ByteBuffer bytes) {
    while (bytes.hasRemaining()) {
      int offset = BlockChecksum.offsetInBlock(end);
      int count = Math.min(bytes.remaining(), BLOCK_SIZE_BYTES - offset);
      bytes.get(tail, offset, count);
      if (offset + count == BLOCK_SIZE_BYTES) {
        if (completeCount == complete.length) {
          complete = Arrays.copyOf(complete, 2 * completeCount);
        }
        complete[completeCount++] =
            BlockChecksum.crcOf(BlockChecksum.blockOf(end), tail, 0, BLOCK_SIZE_BYTES);
      }
      end = end.plus(count);
    }
  }

  /**
   * Puts down the checksums of all that was appended, which is durable.
   *
   * @param flushLsn end of the last whole record
   */
  void store(Lsn flushLsn) throws IOException {
    if (stored.equals(end)) {
      return;
    }
    Lsn block = BlockChecksum.blockOf(stored);
    int tailLength = BlockChecksum.offsetInBlock(end);
    int count = completeCount + (tailLength > 0 ? 1 : 0);
    int done = 0;
    while (done < count) {
      int first = segments.offsetIn(block) / BLOCK_SIZE_BYTES;
      int here = Math.min(count - done, segments.blocks() - first);
      ByteBuffer entries = ChecksumFile.newBuffer(here);
      for (int i = 0; i < here; i++, done++, block = block.plus(BLOCK_SIZE_BYTES)) {
        boolean isFull = done < completeCount;
        int length = isFull ? BLOCK_SIZE_BYTES : tailLength;
        int crc = isFull ? complete[done] : BlockChecksum.crcOf(block, tail, 0, length);
        int whole = Math.clamp(flushLsn.minus(block), 0, length);
        new BlockChecksum(crc, length, whole).encode(block, entries);
      }
      write(segments.numberOf(block.plus(-1)), first, entries.flip());
    }
    Invariant.check(
        block.isAtOrAfter(end) && block.minus(end) < BLOCK_SIZE_BYTES,
        "checksums up to %s of a log up to %s",
        block,
        end);
    completeCount = 0;
    stored = end;
  }

  private void write(long number, int firstBlock, ByteBuffer entries) throws IOException {
    if (open == null || openNumber != number) {
      close();
      open = ChecksumFile.openForWriting(segments, number);
      openNumber = number;
    }
    openDirty = true;
    synchronized (share) {
      open.write(firstBlock, entries);
    }
  }

  /** Makes what was put down durable. */
  void sync() throws IOException {
    if (openDirty && open != null) {
      open.force();
      openDirty = false;
    }
  }

  /** Syncs and closes the file; the next call opens it anew. */
  @Override
  public void close() throws IOException {
    sync();
    ChecksumFile file = open;
    open = null;
    if (file != null) {
      file.close();
    }
  }
}
