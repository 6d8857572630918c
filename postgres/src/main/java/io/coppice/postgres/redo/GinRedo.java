package io.coppice.postgres.redo;

import static io.coppice.postgres.bytes.LittleEndian.i32;
import static io.coppice.postgres.bytes.LittleEndian.u16;
import static io.coppice.postgres.bytes.LittleEndian.u8;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.page.GinPage;
import io.coppice.postgres.page.IndexTuple;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.page.PageItems;
import io.coppice.postgres.record.RecordKind;

/**
 * Redo of the resource manager Gin ({@code ginxlog.c}, {@code ginxlog.h}), the same from 14 to 18.
 */
final class GinRedo implements ResourceManagerRedo {

  private static final int INSERT_IS_DATA = 0x01;
  private static final int INSERT_IS_LEAF = 0x02;

  private static final int CREATE_TREE_BYTES = 4;
  private static final int INSERT_BYTES = 2;
  private static final int INSERT_CHILDREN_BYTES = 8;
  private static final int ENTRY_BYTES = 4;
  private static final int POSTING_ITEM_BYTES = 2 + GinPage.POSTING_ITEM_BYTES;
  private static final int DELETE_PAGE_BYTES = 12;
  private static final int UPDATE_META_BYTES = 84;
  private static final int UPDATE_META_METADATA_AT = 16;
  private static final int UPDATE_META_NEXT_AT = 76;
  private static final int UPDATE_META_COUNT_AT = 80;
  private static final int INSERT_LIST_PAGE_BYTES = 8;
  private static final int DELETE_LIST_PAGES_BYTES = GinPage.META_BYTES + 4;

  private final PageItems items;
  private final GinDataLeaf dataLeaf = new GinDataLeaf();

  GinRedo(PageItems items) {
    this.items = items;
  }

  @Override
  public RedoOutcome redo(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    int id = record.blockId();
    boolean known =
        switch (record.info()) {
          case RecordKind.GIN_CREATE_PTREE -> id == 0 && createTree(page, record);
          case RecordKind.GIN_INSERT -> id == 0 ? insert(page, record) : id == 1 && endSplit(page);
          case RecordKind.GIN_SPLIT -> id == 3 ? endSplit(page) : id < 3 && imageIsMissing();
          case RecordKind.GIN_VACUUM_PAGE -> id == 0 && imageIsMissing();
          case RecordKind.GIN_VACUUM_DATA_LEAF_PAGE -> id == 0 && recompress(page, record);
          case RecordKind.GIN_DELETE_PAGE -> deletePage(page, record);
          case RecordKind.GIN_UPDATE_META_PAGE -> updateMeta(page, record);
          case RecordKind.GIN_INSERT_LISTPAGE -> id == 0 && insertListPage(page, record);
          case RecordKind.GIN_DELETE_LISTPAGE -> deleteListPages(page, record);
          default -> false;
        };
    return known ? RedoOutcome.CHANGED : RedoOutcome.UNKNOWN;
  }

  private static boolean imageIsMissing() throws StorageException.Corrupt {
    throw new StorageException.Corrupt("the record lacks the image of the block");
  }

  /** Main data: size of the segments u32, then these. */
  private static boolean createTree(byte[] page, StoredRecord record)
      throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int main = record.main(CREATE_TREE_BYTES);
    int size = i32(bytes, main);
    if (size != record.mainLength() - CREATE_TREE_BYTES
        || size > GinPage.DATA_END - GinPage.DATA_AT) {
      throw new StorageException.Corrupt(
          "a posting tree that begins with %s bytes, of which %d are there"
              .formatted(Integer.toUnsignedString(size), record.mainLength() - CREATE_TREE_BYTES));
    }
    GinPage.init(page, GinPage.DATA | GinPage.LEAF | GinPage.COMPRESSED);
    System.arraycopy(bytes, main + CREATE_TREE_BYTES, page, GinPage.DATA_AT, size);
    GinPage.setDataEnd(page, GinPage.DATA_AT + size);
    return true;
  }

  /**
   * Main data: flags u16; unless the page is a leaf, the children left and right whose split this
   * ends, blocks with the high half first. Block 0 is the page, 1 the left child.
   */
  private boolean insert(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int flags = u16(bytes, record.main(INSERT_BYTES));
    boolean isLeaf = (flags & INSERT_IS_LEAF) != 0;
    boolean isData = (flags & INSERT_IS_DATA) != 0;
    if (isData && isLeaf) {
      return recompress(page, record);
    }
    GinPage.checkFlags(
        page,
        GinPage.DATA | GinPage.LEAF,
        (isData ? GinPage.DATA : 0) | (isLeaf ? GinPage.LEAF : 0));
    int right =
        isLeaf
            ? GinPage.NO_BLOCK
            : IndexTuple.block(bytes, record.main(INSERT_BYTES + INSERT_CHILDREN_BYTES) + 6);
    if (isData) {
      insertPostingItem(page, record, right);
    } else {
      insertEntry(page, record, right);
    }
    return true;
  }

  /** Block data: number of the posting item u16, the item; the one it goes before leads right. */
  private static void insertPostingItem(byte[] page, StoredRecord record, int right)
      throws StorageException.Corrupt {
    int data = record.data(POSTING_ITEM_BYTES);
    int itemNumber = u16(record.bytes(), data);
    GinPage.setChild(page, itemNumber, right);
    GinPage.addItem(page, itemNumber, record.bytes(), data + 2);
  }

  /**
   * Block data: offset number u16, whether it replaces what is there u8, padding, the tuple. The
   * tuple that a downlink goes before leads to the right child.
   */
  private void insertEntry(byte[] page, StoredRecord record, int right)
      throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int data = record.data(ENTRY_BYTES + IndexTuple.HEADER_BYTES);
    int offsetNumber = u16(bytes, data);
    if (right != GinPage.NO_BLOCK) {
      int next = PageItems.stored(page, offsetNumber, IndexTuple.HEADER_BYTES);
      IndexTuple.setDownlink(page, Page.itemOffset(next), right);
    }
    if (u8(bytes, data + 2) != 0) {
      PageItems.deleteFromIndex(page, offsetNumber);
    }
    int tuple = data + ENTRY_BYTES;
    items.addToIndex(
        page, offsetNumber, bytes, tuple, IndexTuple.size(record.bytes(), tuple, record.dataEnd()));
  }

  /** {@code ginRedoClearIncompleteSplit}: the page's right sibling has its downlink now. */
  private static boolean endSplit(byte[] page) throws StorageException.Corrupt {
    GinPage.check(page);
    GinPage.setFlags(page, GinPage.flags(page) & ~GinPage.INCOMPLETE_SPLIT);
    return true;
  }

  private boolean recompress(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    dataLeaf.recompress(page, record);
    return true;
  }

  /**
   * Main data: number of the posting item u16, padding, the block to the right u32, xid u32. Block
   * 0 is the page, 1 its parent, which loses the item, 2 the page to the left.
   */
  private static boolean deletePage(byte[] page, StoredRecord record)
      throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int main = record.main(DELETE_PAGE_BYTES);
    switch (record.blockId()) {
      case 0 -> {
        GinPage.checkFlags(page, GinPage.DATA, GinPage.DATA);
        GinPage.setFlags(page, GinPage.flags(page) | GinPage.DELETED);
        Page.setPruneXid(page, i32(bytes, main + 8));
      }
      case 1 -> {
        GinPage.checkFlags(page, GinPage.DATA | GinPage.LEAF, GinPage.DATA);
        GinPage.deleteItem(page, u16(bytes, main));
      }
      case 2 -> {
        GinPage.checkFlags(page, GinPage.DATA, GinPage.DATA);
        GinPage.setNext(page, i32(bytes, main + 4));
      }
      default -> {
        return false;
      }
    }
    return true;
  }

  /**
   * Main data: tablespace, database and relation u32 each, padding; the metapage's contents; the
   * tail of the pending list before, the page that follows it, number of tuples u32 each. Block 0
   * is the metapage, 1 that tail, which gets the tuples if there are any, and else a successor.
   */
  private boolean updateMeta(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int main = record.main(UPDATE_META_BYTES);
    switch (record.blockId()) {
      case 0 -> GinPage.initMeta(page, bytes, main + UPDATE_META_METADATA_AT);
      case 1 -> {
        GinPage.checkFlags(page, GinPage.LIST, GinPage.LIST);
        int count = i32(bytes, main + UPDATE_META_COUNT_AT);
        if (count > 0) {
          addTuples(page, record, count);
          GinPage.setCount(page, GinPage.count(page) + 1);
        } else {
          GinPage.setNext(page, i32(bytes, main + UPDATE_META_NEXT_AT));
        }
      }
      default -> {
        return false;
      }
    }
    return true;
  }

  /** Block data: tuples, one after another; they go behind those that are there. */
  private void addTuples(byte[] page, StoredRecord record, int count)
      throws StorageException.Corrupt {
    int tuple = record.data(0);
    int offsetNumber = Page.itemCount(page) + 1;
    for (int i = 0; i < count; i++) {
      int size = IndexTuple.size(record.bytes(), tuple, record.dataEnd());
      items.addToIndex(page, offsetNumber + i, record.bytes(), tuple, size);
      tuple += size;
    }
    if (tuple != record.dataEnd()) {
      throw new StorageException.Corrupt(
          "%d bytes after %d tuples".formatted(record.dataEnd() - tuple, count));
    }
  }

  /** Main data: the block that follows u32, number of tuples u32. Block data: the tuples. */
  private boolean insertListPage(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int main = record.main(INSERT_LIST_PAGE_BYTES);
    int next = i32(bytes, main);
    boolean endsRow = next == GinPage.NO_BLOCK;
    GinPage.init(page, endsRow ? GinPage.LIST | GinPage.LIST_FULL_ROW : GinPage.LIST);
    GinPage.setNext(page, next);
    GinPage.setCount(page, endsRow ? 1 : 0);
    addTuples(page, record, i32(bytes, main + 4));
    return true;
  }

  /**
   * Main data: the metapage's contents, number of pages u32. Block 0 is the metapage, the others
   * are the pages.
   */
  private static boolean deleteListPages(byte[] page, StoredRecord record)
      throws StorageException.Corrupt {
    int main = record.main(DELETE_LIST_PAGES_BYTES);
    if (record.blockId() > i32(record.bytes(), main + GinPage.META_BYTES)) {
      return false;
    }
    if (record.blockId() == 0) {
      GinPage.initMeta(page, record.bytes(), main);
    } else {
      GinPage.init(page, GinPage.DELETED);
    }
    return true;
  }
}
