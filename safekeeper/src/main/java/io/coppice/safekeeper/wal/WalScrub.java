package io.coppice.safekeeper.wal;

import static io.coppice.safekeeper.wal.BlockChecksum.BLOCK_SIZE_BYTES;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import java.io.IOException;

/**
 * Checks the stored blocks of one timeline, a few at each step, and remembers which are damaged.
 * One thread at a time; may run beside the log's owner.
 */
public final class WalScrub implements AutoCloseable {
  private final WalSegments segments;
  private final LogShare share;
  private final BlockReader blocks;
  private final Lsn end;
  private Lsn next;
  private long blocksChecked;

  /**
   * Of the WAL from {@code start} on.
   *
   * @param end all WAL below has checksums
   */
  WalScrub(WalSegments segments, LogShare share, Lsn start, Lsn end) {
    this.segments = segments;
    this.share = share;
    this.blocks = new BlockReader(segments, share);
    this.end = end;
    this.next = BlockChecksum.blockOf(start);
  }

  /** Whether all blocks were looked at. */
  public boolean isDone() {
    return next.isAtOrAfter(end);
  }

  public long blocksChecked() {
    return blocksChecked;
  }

  /** Looks at the next blocks; returns how many bytes that were. */
  public int step() throws IOException {
    if (next.isBefore(share.keptFrom())) {
      next = share.keptFrom();
      return 0;
    }
    long cuts = share.cuts();
    long number = segments.numberOf(next);
    int first = segments.offsetIn(next) / BLOCK_SIZE_BYTES;
    int count =
        (int)
            Math.min(
                Math.min(BlockReader.BATCH_BLOCKS, segments.blocks() - first),
                Math.ceilDiv(end.minus(next), (long) BLOCK_SIZE_BYTES));
    try {
      if (load(number, first, count, cuts)) {
        for (int i = 0; i < count; i++) {
          check(i, cuts);
        }
      }
      next = next.plus((long) count * BLOCK_SIZE_BYTES);
      blocksChecked += count;
    } catch (StorageException.Corrupt ofSegment) {
      damaged(segments.startOf(number), ofSegment, cuts);
      next = segments.startOf(number + 1);
    }
    return count * BLOCK_SIZE_BYTES;
  }

  /** False if the blocks had to be read one by one, and were checked. */
  private boolean load(long number, int first, int count, long cuts)
      throws StorageException.Corrupt, IOException {
    try {
      loadAll(number, first, count);
      return true;
    } catch (IOException e) {
      blocks.close();
      for (int i = 0; i < count; i++) {
        checkAlone(number, first + i, cuts);
      }
      return false;
    }
  }

  private void loadAll(long number, int first, int count)
      throws StorageException.Corrupt, IOException {
    if (!blocks.load(number, first, count)) {
      throw new StorageException.Corrupt("%s is missing".formatted(segments.path(number)));
    }
  }

  private void checkAlone(long number, int block, long cuts)
      throws StorageException.Corrupt, IOException {
    try {
      loadAll(number, block, 1);
      check(0, cuts);
    } catch (IOException e) {
      Lsn at = segments.startOf(number).plus((long) block * BLOCK_SIZE_BYTES);
      damaged(
          at,
          new StorageException.Corrupt(
              "%s, offset %d: cannot be read: %s"
                  .formatted(segments.path(number), segments.offsetIn(at), e.getMessage()),
              e),
          cuts);
    }
  }

  private void check(int i, long cuts) {
    Lsn block = blocks.block(i);
    try {
      blocks.check(i, (int) Math.min(BLOCK_SIZE_BYTES, end.minus(block)));
      share.markWhole(block);
    } catch (StorageException.Corrupt damage) {
      damaged(block, damage, cuts);
    }
  }

  private void damaged(Lsn block, StorageException.Corrupt damage, long cuts) {
    if (!share.wasCutSince(cuts) && block.isAtOrAfter(share.keptFrom())) {
      share.markDamaged(block, String.valueOf(damage.getMessage()));
    }
  }

  @Override
  public void close() throws IOException {
    blocks.close();
  }
}
