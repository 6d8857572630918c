package io.coppice.safekeeper.wal;

import static io.coppice.safekeeper.wal.BlockChecksum.BLOCK_SIZE_BYTES;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/**
 * Reads a timeline's WAL from its segment files, each block checked before a byte of it is given
 * out. Not thread safe; may run beside the writer.
 */
public final class WalReader implements AutoCloseable {
  private final WalSegments segments;
  private final LogShare share;
  private final BlockReader blocks;
  private long cutsSeen;

  /** The block looked at, or the start of a segment that is opened. */
  private Lsn checking = Lsn.INVALID;

  /** Reads segments that were put into a directory of their own, with their checksums. */
  public static WalReader ofDirectory(Path directory, int segmentSizeBytes) {
    return new WalReader(new WalSegments(directory, segmentSizeBytes), new LogShare());
  }

  WalReader(WalSegments segments, LogShare share) {
    this.segments = segments;
    this.share = share;
    this.blocks = new BlockReader(segments, share);
    this.cutsSeen = share.cuts();
  }

  /**
   * Reads, within one segment, into all that {@code into} has room for or less. The caller knows
   * that so much WAL is durable there.
   *
   * @return number of bytes, at least one if there is room
   * @throws StorageException.NotFound if that WAL is not here any more: see {@link #isRemoved}
   * @throws StorageException.Corrupt if a block is damaged: nothing of it is given out
   * @throws StorageException.Transient if the disk does not answer, or the log is being cut
   */
  public int read(Lsn from, ByteBuffer into) throws StorageException {
    long cuts = share.cuts();
    try {
      checkKept(from);
      if (cuts != cutsSeen) {
        blocks.close(); // a segment may be another file now
        cutsSeen = cuts;
      }
      return readBlocks(from, into);
    } catch (StorageException.Corrupt damage) {
      checkKept(from);
      if (share.wasCutSince(cuts)) {
        throw new StorageException.Transient("WAL at %s is being cut".formatted(from), damage);
      }
      share.markDamaged(checking, String.valueOf(damage.getMessage()));
      throw damage;
    } catch (IOException e) {
      checkKept(from);
      throw new StorageException.Transient("cannot read WAL at %s: %s".formatted(from, e), e);
    }
  }

  /** Whether that WAL is not here because nobody needed it any more. */
  public boolean isRemoved(Lsn lsn) {
    return lsn.isBefore(share.keptFrom());
  }

  private void checkKept(Lsn from) throws StorageException.NotFound {
    if (isRemoved(from)) {
      throw new StorageException.NotFound(
          "WAL at %s is removed here; it begins at %s".formatted(from, share.keptFrom()));
    }
  }

  private int readBlocks(Lsn from, ByteBuffer into) throws StorageException, IOException {
    int skipped = BlockChecksum.offsetInBlock(from);
    int first = segments.offsetIn(from) / BLOCK_SIZE_BYTES;
    int room = BlockReader.BATCH_BLOCKS * BLOCK_SIZE_BYTES - skipped;
    int count =
        Math.min(Math.min(into.remaining(), room), segments.sizeBytes() - segments.offsetIn(from));
    int blockCount = Math.ceilDiv(skipped + count, BLOCK_SIZE_BYTES);
    checking = segments.startOf(segments.numberOf(from));
    if (!blocks.load(segments.numberOf(from), first, blockCount)) {
      throw new StorageException.NotFound(
          "%s is not here".formatted(segments.path(segments.numberOf(from))));
    }
    for (int i = 0; i < blockCount; i++) {
      checking = blocks.block(i);
      blocks.check(i, Math.min(BLOCK_SIZE_BYTES, skipped + count - i * BLOCK_SIZE_BYTES));
    }
    into.put(blocks.bytes(), skipped, count);
    return count;
  }

  @Override
  public void close() throws IOException {
    blocks.close();
  }
}
