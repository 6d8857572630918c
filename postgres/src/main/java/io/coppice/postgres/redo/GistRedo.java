package io.coppice.postgres.redo;

import static io.coppice.postgres.bytes.LittleEndian.i32;
import static io.coppice.postgres.bytes.LittleEndian.i64;
import static io.coppice.postgres.bytes.LittleEndian.u16;
import static io.coppice.postgres.bytes.LittleEndian.u8;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.page.GistPage;
import io.coppice.postgres.page.IndexTuple;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.page.PageItems;
import io.coppice.postgres.record.RecordKind;

/** Redo of the resource manager Gist ({@code gistxlog.c}, {@code gistxlog.h}). */
final class GistRedo implements ResourceManagerRedo {
  private static final int UPDATE_BYTES = 4;
  private static final int SPLIT_BYTES = 24;
  private static final int PAGE_DELETE_BYTES = 10;

  private final PageItems items;

  /** Where in the main data of {@code gistxlogDelete} the offset numbers begin. */
  private final int deletedAt;

  GistRedo(PageItems items, CatalogMark mark) {
    this.items = items;
    this.deletedAt = mark == CatalogMark.PRESENT ? 8 : 6;
  }

  @Override
  public RedoOutcome redo(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    int id = record.blockId();
    boolean known =
        switch (record.info()) {
          case RecordKind.GIST_PAGE_UPDATE ->
              id == 0 ? update(page, record) : id == 1 && endSplit(page, record);
          case RecordKind.GIST_DELETE -> id == 0 && delete(page, record);
          case RecordKind.GIST_PAGE_SPLIT -> id == 0 ? endSplit(page, record) : split(page, record);
          case RecordKind.GIST_PAGE_DELETE -> deletePage(page, record);
          // Says which page is reused and has no block, nor has GIST_ASSIGN_LSN.
          case RecordKind.GIST_PAGE_REUSE -> false;
          default -> false;
        };
    return known ? RedoOutcome.CHANGED : RedoOutcome.UNKNOWN;
  }

  /**
   * Whether a record ends the split of one of its blocks. Postgres does that on the page after it
   * has logged it, so that an image of this block in the record lacks it.
   */
  static boolean endsSplit(int info, int blockId) {
    return (info == RecordKind.GIST_PAGE_UPDATE && blockId == 1)
        || (info == RecordKind.GIST_PAGE_SPLIT && blockId == 0);
  }

  private static boolean endSplit(byte[] page, StoredRecord record)
      throws StorageException.Corrupt {
    GistPage.endSplit(page, record.lsn());
    return true;
  }

  /**
   * Main data: how many tuples go, how many come, u16 each. Block data: offset numbers of those
   * that go u16 each, then the tuples that come. One for one takes the other's place.
   */
  private boolean update(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    GistPage.check(page);
    byte[] bytes = record.bytes();
    int main = record.main(UPDATE_BYTES);
    int deletes = u16(bytes, main);
    int inserts = u16(bytes, main + 2);
    int offsets = record.data(deletes * 2);
    int tuples = offsets + deletes * 2;
    if (deletes == 1 && inserts == 1) {
      int size = IndexTuple.alignedSize(bytes, tuples, record.dataEnd());
      PageItems.overwriteInIndex(page, u16(bytes, offsets), bytes, tuples, size);
      return true;
    }
    if (deletes > 0) {
      items.deleteManyFromIndex(page, bytes, offsets, deletes);
      if (GistPage.hasFlag(page, GistPage.LEAF)) {
        GistPage.setFlag(page, GistPage.TUPLES_DELETED, true);
      }
    }
    append(page, record, tuples, inserts);
    return true;
  }

  /** Adds tuples, of which there must be so many in the block data from there on. */
  private void append(byte[] page, StoredRecord record, int tuples, int count)
      throws StorageException.Corrupt {
    int end = record.dataEnd();
    int offsetNumber = Page.itemCount(page) + 1;
    int at = tuples;
    int added = 0;
    while (at < end) {
      int size = IndexTuple.alignedSize(record.bytes(), at, end);
      items.addToIndex(page, offsetNumber + added, record.bytes(), at, size);
      at += size;
      added++;
    }
    if (added != count) {
      throw new StorageException.Corrupt("%d tuples to add, not %d".formatted(added, count));
    }
  }

  /**
   * Main data: xid u32, number of tuples u16, maybe a mark and padding, their offset numbers u16.
   *
   * <p>Postgres's redo also sets {@link GistPage#TUPLES_DELETED}, which the server that wrote the
   * record did not ({@code gistprunepage}), and which nothing reads. The page is to be the
   * server's.
   */
  private boolean delete(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    GistPage.check(page);
    int main = record.main(deletedAt);
    int deletes = u16(record.bytes(), main + 4);
    record.main(deletedAt + deletes * 2);
    items.deleteManyFromIndex(page, record.bytes(), main + deletedAt, deletes);
    GistPage.setFlag(page, GistPage.HAS_GARBAGE, false);
    return true;
  }

  /**
   * Main data: right link u32, padding, NSN u64 of the page before the split, was it a leaf u8,
   * padding, number of pages u16, mark those without a downlink u8. Blocks 1, 2, ... are the pages
   * from left to right, the first of them the one that was split, or the root; block 0 the left
   * half of an earlier split that this one ends. Block data: number of tuples u32, tuples.
   */
  private boolean split(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int main = record.main(SPLIT_BYTES);
    int pages = u16(bytes, main + 18);
    int id = record.blockId();
    if (id > pages) {
      return false;
    }
    boolean isRoot = record.block() == GistPage.ROOT_BLOCK;
    boolean isRootSplit = record.anyBlock(1) == GistPage.ROOT_BLOCK;
    boolean isLeaf = u8(bytes, main + 16) != 0;
    boolean marksFollowRight = u8(bytes, main + 20) != 0;
    GistPage.init(page, isLeaf && !isRoot ? GistPage.LEAF : 0);
    int data = record.data(4);
    append(page, record, data + 4, i32(bytes, data));
    if (!isRoot) {
      GistPage.setRightLink(page, id < pages ? record.otherBlock(id + 1) : i32(bytes, main));
    }
    GistPage.setNsnValue(page, i64(bytes, main + 8));
    GistPage.setFlag(page, GistPage.FOLLOW_RIGHT, !isRootSplit && id < pages && marksFollowRight);
    return true;
  }

  /** Main data: xid u64, offset number of the downlink u16. Block 0 is the page, 1 its parent. */
  private static boolean deletePage(byte[] page, StoredRecord record)
      throws StorageException.Corrupt {
    GistPage.check(page);
    int main = record.main(PAGE_DELETE_BYTES);
    switch (record.blockId()) {
      case 0 -> GistPage.setDeleted(page, i64(record.bytes(), main));
      case 1 -> PageItems.deleteFromIndex(page, u16(record.bytes(), main + 8));
      default -> {
        return false;
      }
    }
    return true;
  }
}
