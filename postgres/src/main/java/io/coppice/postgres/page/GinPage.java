package io.coppice.postgres.page;

import static io.coppice.postgres.bytes.LittleEndian.putI32;
import static io.coppice.postgres.bytes.LittleEndian.putU16;
import static io.coppice.postgres.bytes.LittleEndian.u16;

import io.coppice.common.error.StorageException;

/**
 * A page of a GIN index ({@code ginblock.h}): its special space, the metapage, pages of posting
 * trees. Pages of the entry tree and of the pending list hold index tuples.
 *
 * <pre>
 *  special space            0      4       6       8
 *                           +------+-------+-------+
 *                           | next | count | flags |   u32, u16, u16; count: of posting items, or
 *                           +------+-------+-------+   of rows whose tuples are on a list page
 *
 *  metapage contents        0      4      8           12      16         24     28      32
 *                           | head | tail | tail free | pages | rows u64 | all  | entry | data | ...
 *                           40: entries u64 | 48: version u32 | 52: padding | 56
 *
 *  page of a posting tree   0: right bound (a heap position), padding | 8: posting items, or, on a
 *                           leaf, segments ({@link GinSegment}) up to the page's lower
 *
 *  posting item             0: block of the child u32, high half first | 4: heap position | 10
 * </pre>
 *
 * A leaf of a posting tree from before 9.4 is not {@link #COMPRESSED}, and has so many heap
 * positions in place of segments.
 */
public final class GinPage {
  public static final int SPECIAL_BYTES = 8;

  /** {@code InvalidBlockNumber}. */
  public static final int NO_BLOCK = 0xFFFF_FFFF;

  public static final int DATA = 0x0001;
  public static final int LEAF = 0x0002;
  public static final int DELETED = 0x0004;
  public static final int META = 0x0008;
  public static final int LIST = 0x0010;
  public static final int LIST_FULL_ROW = 0x0020;
  public static final int INCOMPLETE_SPLIT = 0x0040;
  public static final int COMPRESSED = 0x0080;

  public static final int META_BYTES = 56;
  public static final int POSTING_ITEM_BYTES = 10;

  /** Where the items or segments of a page of a posting tree begin. */
  public static final int DATA_AT = Page.HEADER_BYTES + 8;

  /** Where they end at the latest. */
  public static final int DATA_END = Page.SIZE_BYTES - SPECIAL_BYTES;

  private static final int NEXT_AT = DATA_END;
  private static final int COUNT_AT = DATA_END + 4;
  private static final int FLAGS_AT = DATA_END + 6;

  private static final int POSTING_ITEMS_MAX = (DATA_END - DATA_AT) / POSTING_ITEM_BYTES;

  private GinPage() {}

  /** Refuses a page whose special space is not a GIN index's. */
  public static void check(byte[] page) throws StorageException.Corrupt {
    if (Page.special(page) != DATA_END) {
      throw new StorageException.Corrupt(
          "not a GIN page: special space at %d".formatted(Page.special(page)));
    }
  }

  /** Refuses a page that has not these of the given flags. */
  public static void checkFlags(byte[] page, int among, int expected)
      throws StorageException.Corrupt {
    check(page);
    if ((flags(page) & among) != expected) {
      throw new StorageException.Corrupt(
          "a GIN page with flags 0x%02X; of 0x%02X expected 0x%02X"
              .formatted(flags(page), among, expected));
    }
  }

  /** An empty page. */
  public static void init(byte[] page, int flags) {
    Page.init(page, SPECIAL_BYTES);
    setNext(page, NO_BLOCK);
    setFlags(page, flags);
  }

  /** A metapage with the given contents, {@link #META_BYTES} of them. */
  public static void initMeta(byte[] page, byte[] from, int fromOffset) {
    init(page, META);
    System.arraycopy(from, fromOffset, page, Page.HEADER_BYTES, META_BYTES);
    Page.setLower(page, Page.HEADER_BYTES + META_BYTES);
  }

  public static int flags(byte[] page) {
    return u16(page, FLAGS_AT);
  }

  public static void setFlags(byte[] page, int flags) {
    putU16(page, FLAGS_AT, flags);
  }

  public static void setNext(byte[] page, int block) {
    putI32(page, NEXT_AT, block);
  }

  /** How many posting items there are, or how many rows on a page of the pending list. */
  public static int count(byte[] page) {
    return u16(page, COUNT_AT);
  }

  public static void setCount(byte[] page, int count) {
    putU16(page, COUNT_AT, count);
  }

  /** {@code GinDataPageSetDataSize}: where the contents of a page of a posting tree end. */
  public static void setDataEnd(byte[] page, int end) {
    Page.setLower(page, end);
  }

  /** Makes a posting item lead to another child. */
  public static void setChild(byte[] page, int itemNumber, int block)
      throws StorageException.Corrupt {
    IndexTuple.setBlock(page, existingItem(page, itemNumber), block);
  }

  /** {@code GinDataPageAddPostingItem}: those from that number on move up by one. */
  public static void addItem(byte[] page, int itemNumber, byte[] from, int fromOffset)
      throws StorageException.Corrupt {
    int count = count(page);
    if (itemNumber < 1 || itemNumber > count + 1 || count >= POSTING_ITEMS_MAX) {
      throw new StorageException.Corrupt(
          "no posting item %d can be added to %d".formatted(itemNumber, count));
    }
    int at = itemAt(itemNumber);
    int moved = itemAt(count + 1) - at;
    System.arraycopy(page, at, page, at + POSTING_ITEM_BYTES, moved);
    System.arraycopy(from, fromOffset, page, at, POSTING_ITEM_BYTES);
    setItemCount(page, count + 1);
  }

  /** {@code GinPageDeletePostingItem}. */
  public static void deleteItem(byte[] page, int itemNumber) throws StorageException.Corrupt {
    int at = existingItem(page, itemNumber);
    int count = count(page);
    int next = at + POSTING_ITEM_BYTES;
    System.arraycopy(page, next, page, at, itemAt(count + 1) - next);
    setItemCount(page, count - 1);
  }

  private static void setItemCount(byte[] page, int count) {
    setCount(page, count);
    setDataEnd(page, itemAt(count + 1));
  }

  private static int existingItem(byte[] page, int itemNumber) throws StorageException.Corrupt {
    int count = count(page);
    if (itemNumber < 1 || itemNumber > count || count > POSTING_ITEMS_MAX) {
      throw new StorageException.Corrupt(
          "posting item %d is not among the page's %d".formatted(itemNumber, count));
    }
    return itemAt(itemNumber);
  }

  private static int itemAt(int itemNumber) {
    return DATA_AT + (itemNumber - 1) * POSTING_ITEM_BYTES;
  }
}
