package io.coppice.postgres.page;

import static io.coppice.postgres.bytes.LittleEndian.i32;
import static io.coppice.postgres.bytes.LittleEndian.putI32;
import static io.coppice.postgres.bytes.LittleEndian.putI64;
import static io.coppice.postgres.bytes.LittleEndian.putU16;
import static io.coppice.postgres.bytes.LittleEndian.u16;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;

/**
 * A page of a GiST index ({@code gist.h}): its special space, deleted pages.
 *
 * <pre>
 *  special space          0          4         8            12      14
 *                         +----------+---------+------------+-------+---------+
 *                         | NSN high | NSN low | right link | flags | page id |   u32; u16
 *                         +----------+---------+------------+-------+---------+
 *
 *  deleted page contents  0: xid from which on it may be reused, u64
 * </pre>
 *
 * The NSN is the LSN of the page's last split, by which a scan that came from above notices it.
 */
public final class GistPage {
  public static final int SPECIAL_BYTES = 16;
  public static final int NO_BLOCK = -1;
  public static final int ROOT_BLOCK = 0;

  /** {@code GIST_PAGE_ID}. */
  public static final int PAGE_ID = 0xFF81;

  public static final int LEAF = 0x0001;
  public static final int DELETED = 0x0002;
  public static final int TUPLES_DELETED = 0x0004;

  /** {@code F_FOLLOW_RIGHT}: the page to the right has no downlink yet. */
  public static final int FOLLOW_RIGHT = 0x0008;

  public static final int HAS_GARBAGE = 0x0010;

  private static final int SPECIAL_AT = Page.SIZE_BYTES - SPECIAL_BYTES;
  private static final int NSN_AT = SPECIAL_AT;
  private static final int RIGHT_LINK_AT = SPECIAL_AT + 8;
  private static final int FLAGS_AT = SPECIAL_AT + 12;
  private static final int PAGE_ID_AT = SPECIAL_AT + 14;

  private GistPage() {}

  /** Whether the special space is that of a GiST index. */
  public static boolean is(byte[] page) {
    return Page.special(page) == SPECIAL_AT && u16(page, PAGE_ID_AT) == PAGE_ID;
  }

  /** Refuses a page whose special space is not a GiST index's. */
  public static void check(byte[] page) throws StorageException.Corrupt {
    if (!is(page)) {
      throw new StorageException.Corrupt(
          "not a GiST page: special space at %d, page id 0x%04X"
              .formatted(Page.special(page), u16(page, PAGE_ID_AT)));
    }
  }

  /** An empty page with those flags and nothing to its right. */
  public static void init(byte[] page, int flags) {
    Page.init(page, SPECIAL_BYTES);
    setRightLink(page, NO_BLOCK);
    putU16(page, FLAGS_AT, flags);
    putU16(page, PAGE_ID_AT, PAGE_ID);
  }

  public static boolean hasFlag(byte[] page, int flag) {
    return (u16(page, FLAGS_AT) & flag) != 0;
  }

  public static void setFlag(byte[] page, int flag, boolean on) {
    int flags = u16(page, FLAGS_AT);
    putU16(page, FLAGS_AT, on ? flags | flag : flags & ~flag);
  }

  public static void setRightLink(byte[] page, int block) {
    putI32(page, RIGHT_LINK_AT, block);
  }

  public static int rightLink(byte[] page) {
    return i32(page, RIGHT_LINK_AT);
  }

  /** The NSN as a number, for loops that must not allocate. */
  public static long nsnValue(byte[] page) {
    return ((long) i32(page, NSN_AT) << 32) | (i32(page, NSN_AT + 4) & 0xFFFF_FFFFL);
  }

  public static void setNsnValue(byte[] page, long nsn) {
    putI32(page, NSN_AT, (int) (nsn >>> 32));
    putI32(page, NSN_AT + 4, (int) nsn);
  }

  /** The page to the right has its downlink now, as of that LSN. */
  public static void endSplit(byte[] page, Lsn lsn) throws StorageException.Corrupt {
    check(page);
    setNsnValue(page, lsn.value());
    setFlag(page, FOLLOW_RIGHT, false);
  }

  /** {@code GistPageSetDeleted}: notes when the page may be reused. */
  public static void setDeleted(byte[] page, long fullXid) {
    setFlag(page, DELETED, true);
    putI64(page, Page.HEADER_BYTES, fullXid);
    Page.setLower(page, Page.HEADER_BYTES + 8);
  }
}
