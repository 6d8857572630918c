package io.coppice.postgres.redo;

import static io.coppice.postgres.bytes.LittleEndian.u16;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.page.HeapTuple;
import io.coppice.postgres.page.IndexTuple;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.page.PageItems;
import java.util.Arrays;

/** What redo of B-trees does to posting lists ({@code nbtdedup.c}). */
final class BtreePostings {
  /** Holds a tuple that is being made, and a little more. */
  private final byte[] tuple = new byte[Page.SIZE_BYTES];

  private final PageItems items;

  BtreePostings(PageItems items) {
    this.items = items;
  }

  /** Where an index tuple begins that must be there, whole. */
  static int find(byte[] page, int offsetNumber) throws StorageException.Corrupt {
    int linePointer = PageItems.stored(page, offsetNumber, IndexTuple.HEADER_BYTES);
    int at = Page.itemOffset(linePointer);
    check(page, at, Page.itemLength(linePointer), offsetNumber);
    return at;
  }

  private static void check(byte[] page, int at, int length, int offsetNumber)
      throws StorageException.Corrupt {
    int size = IndexTuple.size(page, at);
    int positionsEnd =
        IndexTuple.positionsAt(page, at)
            + IndexTuple.positions(page, at) * IndexTuple.POSITION_BYTES;
    if (size < IndexTuple.HEADER_BYTES
        || size > length
        || positionsEnd > size
        || IndexTuple.positionsAt(page, at) < 0) {
      throw new StorageException.Corrupt(
          "index tuple %d of %d bytes says its size is %d and its heap positions end at %d"
              .formatted(offsetNumber, length, size, positionsEnd));
    }
  }

  /**
   * {@code _bt_swap_posting}, in place: a new heap position goes into the middle of the posting
   * list, and the list's last position comes out and into the new tuple.
   *
   * @param posting where the tuple with the posting list begins
   * @param newTuple where the new tuple begins, in {@code newBytes}; its position is changed
   */
  static void swap(byte[] page, int posting, int postingIndex, byte[] newBytes, int newTuple)
      throws StorageException.Corrupt {
    int count = IndexTuple.positions(page, posting);
    if (!IndexTuple.isPosting(page, posting) || postingIndex <= 0 || postingIndex >= count) {
      throw new StorageException.Corrupt(
          "a posting list of %d cannot be split at %d".formatted(count, postingIndex));
    }
    int step = IndexTuple.POSITION_BYTES;
    int list = posting + IndexTuple.positionsAt(page, posting);
    int gap = list + postingIndex * step;
    int last = list + (count - 1) * step;
    for (int i = 0; i < step; i++) {
      byte moved = page[last + i];
      page[last + i] = newBytes[newTuple + i];
      newBytes[newTuple + i] = moved;
    }
    rotateLastToFront(page, gap, last);
  }

  /** The position at {@code last} goes to {@code gap}, and those from there on move up. */
  private static void rotateLastToFront(byte[] page, int gap, int last) {
    int step = IndexTuple.POSITION_BYTES;
    int high = u16(page, last);
    int low = u16(page, last + 2);
    int offsetNumber = u16(page, last + 4);
    System.arraycopy(page, gap, page, gap + step, last - gap);
    HeapTuple.setPosition(page, gap, high << 16 | low, offsetNumber);
  }

  /**
   * {@code btree_xlog_updates}: takes heap positions out of posting lists.
   *
   * @param offsetNumbers where the offset numbers of the tuples begin, u16 each; after them, for
   *     each tuple, how many positions go and which, u16 each
   */
  void removePositions(byte[] page, StoredRecord record, int offsetNumbers, int tuples)
      throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int at = offsetNumbers + tuples * 2;
    for (int i = 0; i < tuples; i++) {
      int offsetNumber = u16(bytes, offsetNumbers + i * 2);
      int removed = u16(bytes, at);
      at += 2;
      if (at + removed * 2 > record.dataEnd()) {
        throw new StorageException.Corrupt("positions to remove are cut off");
      }
      int size = withoutPositions(page, find(page, offsetNumber), bytes, at, removed);
      PageItems.overwriteInIndex(page, offsetNumber, tuple, 0, size);
      at += removed * 2;
    }
  }

  /** {@code _bt_update_posting}: makes the tuple without them, and returns its size. */
  private int withoutPositions(byte[] page, int from, byte[] bytes, int removedAt, int removed)
      throws StorageException.Corrupt {
    int count = IndexTuple.positions(page, from);
    int left = count - removed;
    if (!IndexTuple.isPosting(page, from) || left <= 0) {
      throw new StorageException.Corrupt(
          "%d of %d heap positions cannot be removed".formatted(removed, count));
    }
    int keySize = IndexTuple.keySize(page, from);
    int size = IndexTuple.sizeOf(keySize, left);
    System.arraycopy(page, from, tuple, 0, keySize);
    Arrays.fill(tuple, keySize, Math.max(size, keySize), (byte) 0);
    int to = IndexTuple.setPositions(tuple, 0, keySize, left);
    int list = from + IndexTuple.positionsAt(page, from);
    int next = 0;
    for (int i = 0; i < count; i++) {
      if (next < removed && u16(bytes, removedAt + next * 2) == i) {
        next++;
      } else {
        if (to + IndexTuple.POSITION_BYTES > Math.max(size, IndexTuple.HEADER_BYTES)) {
          throw new StorageException.Corrupt("positions to remove are not in the posting list");
        }
        System.arraycopy(
            page, list + i * IndexTuple.POSITION_BYTES, tuple, to, IndexTuple.POSITION_BYTES);
        to += IndexTuple.POSITION_BYTES;
      }
    }
    return size;
  }

  /**
   * Adds tuples that follow one another on the old page as one with a posting list of all their
   * heap positions ({@code _bt_dedup_finish_pending}); a single one as it is.
   */
  void addMerged(byte[] page, byte[] old, int firstOffsetNumber, int count)
      throws StorageException.Corrupt {
    int to = Page.itemCount(page) + 1;
    int base = find(old, firstOffsetNumber);
    if (count == 1) {
      items.addToIndex(page, to, old, base, IndexTuple.size(old, base));
      return;
    }
    int positions = 0;
    for (int i = 0; i < count; i++) {
      positions += IndexTuple.positions(old, find(old, firstOffsetNumber + i));
    }
    int keySize = IndexTuple.keySize(old, base);
    int size = IndexTuple.sizeOf(keySize, positions);
    int at = items.addToIndex(page, to, size);
    System.arraycopy(old, base, page, at, keySize);
    Arrays.fill(page, at + keySize, at + size, (byte) 0);
    int list = IndexTuple.setPositions(page, at, keySize, positions);
    for (int i = 0; i < count; i++) {
      int from = find(old, firstOffsetNumber + i);
      int length = IndexTuple.positions(old, from) * IndexTuple.POSITION_BYTES;
      System.arraycopy(old, from + IndexTuple.positionsAt(old, from), page, list, length);
      list += length;
    }
  }
}
