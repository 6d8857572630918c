package io.coppice.postgres.redo;

import static io.coppice.postgres.bytes.LittleEndian.i32;
import static io.coppice.postgres.bytes.LittleEndian.i64;
import static io.coppice.postgres.bytes.LittleEndian.u16;
import static io.coppice.postgres.bytes.LittleEndian.u8;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.page.BtreePage;
import io.coppice.postgres.page.IndexTuple;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.page.PageItems;
import io.coppice.postgres.record.RecordKind;

/**
 * Redo of the resource manager Btree ({@code nbtxlog.c}, {@code nbtxlog.h}), the same from 14 to
 * 18.
 */
final class BtreeRedo implements ResourceManagerRedo {

  private static final int HIGH_KEY = 1;
  private static final int META_DATA_BYTES = 25;
  private static final int SPLIT_BYTES = 10;
  private static final int HALFDEAD_BYTES = 20;
  private static final int UNLINK_BYTES = 36;
  private static final int UNLINK_SAFE_XID_AT = 16;
  private static final int DEDUP_INTERVAL_BYTES = 4;

  private final PageItems items;
  private final BtreePostings postings;

  /** The page as it was, while it is made anew from it. */
  private final byte[] old = new byte[Page.SIZE_BYTES];

  private final byte[] newTuple = new byte[Page.SIZE_BYTES];

  BtreeRedo(PageItems items) {
    this.items = items;
    this.postings = new BtreePostings(items);
  }

  @Override
  public RedoOutcome redo(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    int id = record.blockId();
    boolean known =
        switch (record.info()) {
          case RecordKind.BTREE_INSERT_LEAF, RecordKind.BTREE_INSERT_POST ->
              id == 0 && insert(page, record);
          case RecordKind.BTREE_INSERT_UPPER ->
              id == 0 ? insert(page, record) : id == 1 && endSplit(page);
          case RecordKind.BTREE_INSERT_META ->
              switch (id) {
                case 0 -> insert(page, record);
                case 1 -> endSplit(page);
                default -> id == 2 && meta(page, record);
              };
          case RecordKind.BTREE_SPLIT_L, RecordKind.BTREE_SPLIT_R -> split(page, record);
          case RecordKind.BTREE_DEDUP -> id == 0 && dedup(page, record);
          case RecordKind.BTREE_DELETE -> id == 0 && delete(page, record, 4);
          case RecordKind.BTREE_VACUUM -> id == 0 && delete(page, record, 0);
          case RecordKind.BTREE_UNLINK_PAGE, RecordKind.BTREE_UNLINK_PAGE_META ->
              unlink(page, record);
          case RecordKind.BTREE_MARK_PAGE_HALFDEAD -> markHalfDead(page, record);
          case RecordKind.BTREE_NEWROOT -> newRoot(page, record);
          case RecordKind.BTREE_META_CLEANUP -> id == 0 && meta(page, record);
          // Says which page is reused and has no block, nor does any other kind.
          case RecordKind.BTREE_REUSE_PAGE -> false;
          default -> false;
        };
    return known ? RedoOutcome.CHANGED : RedoOutcome.UNKNOWN;
  }

  /**
   * Main data: offset number u16. Block data: the tuple; before it, if it goes into the middle of
   * the posting list of the tuple before, where in the list, u16.
   */
  private boolean insert(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    BtreePage.check(page);
    byte[] bytes = record.bytes();
    int offsetNumber = u16(bytes, record.main(2));
    int data = record.data(IndexTuple.HEADER_BYTES);
    if (record.info() == RecordKind.BTREE_INSERT_POST) {
      int length = record.dataLength() - 2;
      System.arraycopy(bytes, record.data(2 + IndexTuple.HEADER_BYTES) + 2, newTuple, 0, length);
      int posting = BtreePostings.find(page, offsetNumber - 1);
      BtreePostings.swap(page, posting, u16(bytes, data), newTuple, 0);
      items.addToIndex(page, offsetNumber, newTuple, 0, length);
    } else {
      items.addToIndex(page, offsetNumber, bytes, data, record.dataLength());
    }
    return true;
  }

  /** {@code _bt_clear_incomplete_split}: the page's right sibling has its downlink now. */
  private static boolean endSplit(byte[] page) throws StorageException.Corrupt {
    BtreePage.check(page);
    BtreePage.setFlags(page, BtreePage.flags(page) & ~BtreePage.INCOMPLETE_SPLIT);
    return true;
  }

  /**
   * {@code _bt_restore_meta}. Block data: version, root, level, fast root, fast level, deleted
   * pages u32 each, all equal image u8.
   */
  private static boolean meta(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int data = record.data(META_DATA_BYTES);
    BtreePage.initMeta(
        page,
        i32(bytes, data),
        i32(bytes, data + 4),
        i32(bytes, data + 8),
        i32(bytes, data + 12),
        i32(bytes, data + 16),
        i32(bytes, data + 20),
        u8(bytes, data + 24));
    return true;
  }

  /**
   * Main data: level u32, first offset number that goes right, offset number of the new tuple,
   * where it splits a posting list, u16 each. Block 0 is the page, 1 the new one to its right, 2
   * the one right of that if any, 3 the child whose split is ended by this if not a leaf.
   */
  private boolean split(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    int level = i32(record.bytes(), record.main(SPLIT_BYTES));
    switch (record.blockId()) {
      case 0 -> splitLeft(page, record, level);
      case 1 -> {
        int next = record.hasOther(2) ? record.otherBlock(2) : BtreePage.NO_BLOCK;
        BtreePage.init(page, record.otherBlock(0), next, level, level == 0 ? BtreePage.LEAF : 0);
        restoreItems(page, record);
      }
      case 2 -> {
        BtreePage.check(page);
        BtreePage.setPrevious(page, record.otherBlock(1));
      }
      case 3 -> endSplit(page);
      default -> {
        return false;
      }
    }
    return true;
  }

  /** {@code _bt_restore_page}. Block data: the items as they lay on the page, last one first. */
  private void restoreItems(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int count = 0;
    int end = record.dataEnd();
    for (int at = record.data(0); at < end; at += IndexTuple.alignedSize(bytes, at, end)) {
      count++;
    }
    int lower = Page.HEADER_BYTES + count * Page.LINE_POINTER_BYTES;
    int upper = Page.special(page) - record.dataLength();
    if (lower > upper) {
      throw new StorageException.Corrupt(
          "%d items of %d bytes do not fit a page".formatted(count, record.dataLength()));
    }
    System.arraycopy(bytes, record.data(0), page, upper, record.dataLength());
    int at = upper;
    for (int i = count; i >= 1; i--) {
      int size = IndexTuple.alignedSize(page, at, Page.special(page));
      Page.setLinePointer(page, i, Page.packLinePointer(at, Page.LP_NORMAL, size));
      at += size;
    }
    Page.setLower(page, lower);
    Page.setUpper(page, upper);
  }

  /**
   * Block data: the new tuple, if it stays left or if it splits a posting list, then the left
   * page's new high key.
   */
  private void splitLeft(byte[] page, StoredRecord record, int level)
      throws StorageException.Corrupt {
    BtreePage.check(page);
    byte[] bytes = record.bytes();
    int main = record.main(SPLIT_BYTES);
    int firstRight = u16(bytes, main + 4);
    int newOffset = u16(bytes, main + 6);
    int postingIndex = u16(bytes, main + 8);
    boolean newOnLeft = record.info() == RecordKind.BTREE_SPLIT_L;
    int at = record.data(IndexTuple.HEADER_BYTES);
    int newSize = 0;
    if (newOnLeft || postingIndex != 0) {
      newSize = IndexTuple.alignedSize(bytes, at, record.dataEnd());
      System.arraycopy(bytes, at, newTuple, 0, newSize);
      at += newSize;
    }
    int highKeySize = IndexTuple.alignedSize(bytes, at, record.dataEnd());
    int posting = 0;
    System.arraycopy(page, 0, old, 0, Page.SIZE_BYTES);
    if (postingIndex != 0) {
      posting = newOffset - 1;
      BtreePostings.swap(old, BtreePostings.find(old, posting), postingIndex, newTuple, 0);
    }
    restartPage(page);
    int to = HIGH_KEY;
    items.addToIndex(page, to++, bytes, at, highKeySize);
    int from = BtreePage.firstDataItem(old);
    for (; from < firstRight; from++) {
      if (newOnLeft && from == newOffset) {
        items.addToIndex(page, to++, newTuple, 0, newSize);
      }
      int linePointer = PageItems.stored(old, from, IndexTuple.HEADER_BYTES);
      int tuple = Page.itemOffset(linePointer);
      int size =
          from == posting
              ? IndexTuple.alignedSize(old, tuple, Page.SIZE_BYTES)
              : Page.itemLength(linePointer);
      items.addToIndex(page, to++, old, tuple, size);
    }
    if (newOnLeft && from == newOffset) {
      items.addToIndex(page, to, newTuple, 0, newSize);
    }
    BtreePage.setFlags(page, BtreePage.INCOMPLETE_SPLIT | (level == 0 ? BtreePage.LEAF : 0));
    BtreePage.setNext(page, record.otherBlock(1));
    BtreePage.setCycleId(page, 0);
  }

  /** Empties a page that {@link #old} is a copy of, but for its special space. */
  private void restartPage(byte[] page) {
    int special = Page.SIZE_BYTES - BtreePage.SPECIAL_BYTES;
    Page.init(page, BtreePage.SPECIAL_BYTES);
    System.arraycopy(old, special, page, special, BtreePage.SPECIAL_BYTES);
  }

  /**
   * Main data: number of intervals u16. Block data, for each: offset number of its first tuple, how
   * many tuples become one, u16 each.
   */
  private boolean dedup(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    BtreePage.check(page);
    byte[] bytes = record.bytes();
    int intervals = u16(bytes, record.main(2));
    int interval = record.data(intervals * DEDUP_INTERVAL_BYTES);
    int intervalsEnd = interval + intervals * DEDUP_INTERVAL_BYTES;
    System.arraycopy(page, 0, old, 0, Page.SIZE_BYTES);
    restartPage(page);
    int first = BtreePage.firstDataItem(old);
    if (first > HIGH_KEY) {
      int linePointer = PageItems.stored(old, HIGH_KEY, IndexTuple.HEADER_BYTES);
      items.addToIndex(
          page, HIGH_KEY, old, Page.itemOffset(linePointer), Page.itemLength(linePointer));
    }
    int count = Page.itemCount(old);
    int at = first;
    while (at <= count) {
      int tuples = 1;
      if (interval < intervalsEnd && u16(bytes, interval) == at) {
        tuples = Math.clamp(u16(bytes, interval + 2), 1, count - at + 1);
        interval += DEDUP_INTERVAL_BYTES;
      }
      postings.addMerged(page, old, at, tuples);
      at += tuples;
    }
    if (interval != intervalsEnd) {
      throw new StorageException.Corrupt("intervals to merge are not on the page");
    }
    BtreePage.setFlags(page, BtreePage.flags(page) & ~BtreePage.HAS_GARBAGE);
    return true;
  }

  /**
   * Main data, after {@code skip} bytes: number of tuples deleted, number of tuples updated, u16
   * each. Block data: offset numbers of the deleted, then of the updated, u16 each, then what is
   * removed from each of these.
   */
  private boolean delete(byte[] page, StoredRecord record, int skip)
      throws StorageException.Corrupt {
    BtreePage.check(page);
    byte[] bytes = record.bytes();
    int main = record.main(skip + 4) + skip;
    int deleted = u16(bytes, main);
    int updated = u16(bytes, main + 2);
    int data = record.data((deleted + updated) * 2);
    if (updated > 0) {
      postings.removePositions(page, record, data + deleted * 2, updated);
    }
    if (deleted > 0) {
      items.deleteManyFromIndex(page, bytes, data, deleted);
    }
    BtreePage.setFlags(page, BtreePage.flags(page) & ~BtreePage.HAS_GARBAGE);
    return true;
  }

  /**
   * Main data: offset number in the parent u16, padding, then blocks u32: the leaf, its left and
   * right siblings, the top of the subtree to delete. Block 0 is the leaf, 1 the parent.
   */
  private boolean markHalfDead(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int main = record.main(HALFDEAD_BYTES);
    switch (record.blockId()) {
      case 0 ->
          halfDeadLeaf(page, i32(bytes, main + 8), i32(bytes, main + 12), i32(bytes, main + 16));
      case 1 -> {
        BtreePage.check(page);
        int offsetNumber = u16(bytes, main);
        int next = BtreePostings.find(page, offsetNumber + 1);
        int downlink = IndexTuple.block(page, next);
        IndexTuple.setBlock(page, BtreePostings.find(page, offsetNumber), downlink);
        PageItems.deleteFromIndex(page, offsetNumber + 1);
      }
      default -> {
        return false;
      }
    }
    return true;
  }

  /** An empty leaf whose high key is only there to name the top of the subtree to delete. */
  private void halfDeadLeaf(byte[] page, int previous, int next, int topParent)
      throws StorageException.Corrupt {
    BtreePage.init(page, previous, next, 0, BtreePage.HALF_DEAD | BtreePage.LEAF);
    IndexTuple.writeTopParent(newTuple, 0, topParent);
    items.addToIndex(page, HIGH_KEY, newTuple, 0, IndexTuple.HEADER_BYTES);
  }

  /**
   * Main data: left and right sibling, level u32 each, padding, safe xid u64, then of the leaf of
   * the subtree its left and right sibling and the new top, u32 each. Block 0 is the page, 1 and 2
   * its siblings, 3 the leaf, 4 the metapage.
   */
  private boolean unlink(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int main = record.main(UNLINK_BYTES);
    int left = i32(bytes, main);
    int right = i32(bytes, main + 4);
    switch (record.blockId()) {
      case 0 -> {
        int level = i32(bytes, main + 8);
        int flags = BtreePage.DELETED | BtreePage.HAS_FULL_XID;
        BtreePage.init(page, left, right, level, level == 0 ? flags | BtreePage.LEAF : flags);
        BtreePage.setSafeXid(page, i64(bytes, main + UNLINK_SAFE_XID_AT));
      }
      case 1 -> {
        BtreePage.check(page);
        BtreePage.setNext(page, right);
      }
      case 2 -> {
        BtreePage.check(page);
        BtreePage.setPrevious(page, left);
      }
      case 3 ->
          halfDeadLeaf(page, i32(bytes, main + 24), i32(bytes, main + 28), i32(bytes, main + 32));
      case 4 -> meta(page, record);
      default -> {
        return false;
      }
    }
    return true;
  }

  /** Main data: block, level u32 each. Block 0 is the root, 1 its left child, 2 the metapage. */
  private boolean newRoot(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    int level = i32(record.bytes(), record.main(8) + 4);
    switch (record.blockId()) {
      case 0 -> {
        int flags = level == 0 ? BtreePage.ROOT | BtreePage.LEAF : BtreePage.ROOT;
        BtreePage.init(page, BtreePage.NO_BLOCK, BtreePage.NO_BLOCK, level, flags);
        if (level > 0) {
          restoreItems(page, record);
        }
      }
      case 1 -> endSplit(page);
      case 2 -> meta(page, record);
      default -> {
        return false;
      }
    }
    return true;
  }
}
