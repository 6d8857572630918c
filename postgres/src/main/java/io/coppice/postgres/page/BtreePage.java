package io.coppice.postgres.page;

import static io.coppice.postgres.bytes.LittleEndian.i32;
import static io.coppice.postgres.bytes.LittleEndian.putI32;
import static io.coppice.postgres.bytes.LittleEndian.putI64;
import static io.coppice.postgres.bytes.LittleEndian.putU16;
import static io.coppice.postgres.bytes.LittleEndian.u16;

import io.coppice.common.error.StorageException;

/**
 * A page of a B-tree index ({@code nbtree.h}): its special space, the metapage, deleted pages.
 *
 * <pre>
 *  special space          0      4      8       12      14
 *                         +------+------+-------+-------+----------+
 *                         | prev | next | level | flags | cycle id |   blocks u32; flags u16
 *                         +------+------+-------+-------+----------+
 *
 *  metapage contents      0       4         8      12      16         20          24
 *                         | magic | version | root | level | fastroot | fastlevel | deleted pages |
 *                         28: padding | 32: heap tuples f64 | 40: all equal image u8 | 48
 *
 *  deleted page contents  0: xid from which on it may be reused, u64
 * </pre>
 */
public final class BtreePage {
  public static final int SPECIAL_BYTES = 16;
  public static final int NO_BLOCK = 0;

  public static final int LEAF = 0x0001;
  public static final int ROOT = 0x0002;
  public static final int DELETED = 0x0004;
  public static final int META = 0x0008;
  public static final int HALF_DEAD = 0x0010;
  public static final int SPLIT_END = 0x0020;
  public static final int HAS_GARBAGE = 0x0040;
  public static final int INCOMPLETE_SPLIT = 0x0080;
  public static final int HAS_FULL_XID = 0x0100;

  private static final int SPECIAL_AT = Page.SIZE_BYTES - SPECIAL_BYTES;
  private static final int PREVIOUS_AT = SPECIAL_AT;
  private static final int NEXT_AT = SPECIAL_AT + 4;
  private static final int LEVEL_AT = SPECIAL_AT + 8;
  private static final int FLAGS_AT = SPECIAL_AT + 12;
  private static final int CYCLE_ID_AT = SPECIAL_AT + 14;

  private static final int META_MAGIC = 0x053162;
  private static final int META_BYTES = 48;

  private BtreePage() {}

  /** Refuses a page whose special space is not a B-tree's. */
  public static void check(byte[] page) throws StorageException.Corrupt {
    if (Page.special(page) != SPECIAL_AT) {
      throw new StorageException.Corrupt(
          "not a B-tree page: special space at %d".formatted(Page.special(page)));
    }
  }

  /** An empty page with those siblings, level and flags. */
  public static void init(byte[] page, int previous, int next, int level, int flags) {
    Page.init(page, SPECIAL_BYTES);
    putI32(page, PREVIOUS_AT, previous);
    putI32(page, NEXT_AT, next);
    putI32(page, LEVEL_AT, level);
    setFlags(page, flags);
  }

  public static int flags(byte[] page) {
    return u16(page, FLAGS_AT);
  }

  public static void setFlags(byte[] page, int flags) {
    putU16(page, FLAGS_AT, flags);
  }

  public static int next(byte[] page) {
    return i32(page, NEXT_AT);
  }

  public static void setNext(byte[] page, int block) {
    putI32(page, NEXT_AT, block);
  }

  public static void setPrevious(byte[] page, int block) {
    putI32(page, PREVIOUS_AT, block);
  }

  public static void setCycleId(byte[] page, int cycleId) {
    putU16(page, CYCLE_ID_AT, cycleId);
  }

  /** {@code P_FIRSTDATAKEY}: offset number of the first item that is not the high key. */
  public static int firstDataItem(byte[] page) {
    return next(page) == NO_BLOCK ? 1 : 2;
  }

  /** The end of {@code BTPageSetDeleted}: notes when the page may be reused. */
  public static void setSafeXid(byte[] page, long fullXid) {
    putI64(page, Page.HEADER_BYTES, fullXid);
    Page.setLower(page, Page.HEADER_BYTES + 8);
    Page.setUpper(page, Page.special(page));
  }

  /** A metapage; the count of heap tuples, which is out of use, is -1. */
  public static void initMeta(
      byte[] page,
      int version,
      int root,
      int level,
      int fastRoot,
      int fastLevel,
      int deletedPages,
      int allEqualImage) {
    init(page, NO_BLOCK, NO_BLOCK, 0, META);
    int at = Page.HEADER_BYTES;
    putI32(page, at, META_MAGIC);
    putI32(page, at + 4, version);
    putI32(page, at + 8, root);
    putI32(page, at + 12, level);
    putI32(page, at + 16, fastRoot);
    putI32(page, at + 20, fastLevel);
    putI32(page, at + 24, deletedPages);
    putI64(page, at + 32, Double.doubleToRawLongBits(-1.0));
    page[at + 40] = (byte) allEqualImage;
    Page.setLower(page, at + META_BYTES);
  }
}
