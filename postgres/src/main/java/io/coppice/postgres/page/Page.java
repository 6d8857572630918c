package io.coppice.postgres.page;

import static io.coppice.postgres.bytes.LittleEndian.i32;
import static io.coppice.postgres.bytes.LittleEndian.putI32;
import static io.coppice.postgres.bytes.LittleEndian.putU16;
import static io.coppice.postgres.bytes.LittleEndian.u16;

import io.coppice.common.id.Lsn;
import java.util.Arrays;

/**
 * The header and the line pointers of a page ({@code storage/bufpage.h}, {@code itemid.h}), as
 * static accessors over its bytes.
 *
 * <pre>
 *  0         4         8          10      12      14      16        18             20         24
 *  +---------+---------+----------+-------+-------+-------+---------+--------------+----------+
 *  | LSN     | LSN     | checksum | flags | lower | upper | special | size|version | prune    |
 *  | high 32 | low 32  | u16      | u16   | u16   | u16   | u16     | u16          | xid      |
 *  +---------+---------+----------+-------+-------+-------+---------+--------------+----------+
 *  24: line pointers up to lower | free space up to upper | items up to special | special space
 *
 *  a line pointer (u32): offset in the page (15 bits) | flags (2 bits) | length (15 bits)
 * </pre>
 *
 * Offset numbers of line pointers count from 1.
 */
public final class Page {
  public static final int SIZE_BYTES = 8192;
  public static final int HEADER_BYTES = 24;
  public static final int LINE_POINTER_BYTES = 4;

  /** {@code PG_PAGE_LAYOUT_VERSION}, the same in all majors that are supported. */
  public static final int LAYOUT_VERSION = 4;

  public static final int LP_UNUSED = 0;
  public static final int LP_NORMAL = 1;
  public static final int LP_REDIRECT = 2;
  public static final int LP_DEAD = 3;

  /** {@code PD_HAS_FREE_LINES}: a hint that a line pointer may be unused. */
  public static final int HAS_FREE_LINES = 0x0001;

  /** {@code PD_PAGE_FULL}: a hint that an update did not fit. */
  public static final int PAGE_FULL = 0x0002;

  /** {@code PD_ALL_VISIBLE}. */
  public static final int ALL_VISIBLE = 0x0004;

  /** {@code MaxHeapTuplesPerPage}. */
  public static final int HEAP_TUPLES_MAX = 291;

  /** {@code MaxIndexTuplesPerPage}. */
  public static final int INDEX_TUPLES_MAX = 407;

  static final int CHECKSUM_AT = 8;
  static final int FLAGS_AT = 10;
  static final int LOWER_AT = 12;
  static final int UPPER_AT = 14;
  static final int SPECIAL_AT = 16;
  static final int SIZE_VERSION_AT = 18;
  static final int PRUNE_XID_AT = 20;

  private Page() {}

  /** {@code MAXALIGN}. */
  public static int aligned(int size) {
    return (size + 7) & ~7;
  }

  public static Lsn lsn(byte[] page) {
    return new Lsn(lsnValue(page));
  }

  /** The page's LSN as a number, for loops that must not allocate. */
  public static long lsnValue(byte[] page) {
    return ((long) i32(page, 0) << 32) | (i32(page, 4) & 0xFFFF_FFFFL);
  }

  public static void setLsn(byte[] page, Lsn lsn) {
    setLsnValue(page, lsn.value());
  }

  public static void setLsnValue(byte[] page, long lsn) {
    putI32(page, 0, (int) (lsn >>> 32));
    putI32(page, 4, (int) lsn);
  }

  public static int checksum(byte[] page) {
    return u16(page, CHECKSUM_AT);
  }

  public static void setChecksum(byte[] page, int checksum) {
    putU16(page, CHECKSUM_AT, checksum);
  }

  public static int flags(byte[] page) {
    return u16(page, FLAGS_AT);
  }

  public static void setFlags(byte[] page, int flags) {
    putU16(page, FLAGS_AT, flags);
  }

  public static boolean hasFlag(byte[] page, int flag) {
    return (flags(page) & flag) != 0;
  }

  public static void setFlag(byte[] page, int flag, boolean on) {
    int flags = flags(page);
    setFlags(page, on ? flags | flag : flags & ~flag);
  }

  public static int lower(byte[] page) {
    return u16(page, LOWER_AT);
  }

  public static void setLower(byte[] page, int lower) {
    putU16(page, LOWER_AT, lower);
  }

  public static int upper(byte[] page) {
    return u16(page, UPPER_AT);
  }

  public static void setUpper(byte[] page, int upper) {
    putU16(page, UPPER_AT, upper);
  }

  public static int special(byte[] page) {
    return u16(page, SPECIAL_AT);
  }

  public static int pruneXid(byte[] page) {
    return i32(page, PRUNE_XID_AT);
  }

  public static void setPruneXid(byte[] page, int xid) {
    putI32(page, PRUNE_XID_AT, xid);
  }

  /** Whether the page was never initialised, as Postgres tells: nothing is said to be free. */
  public static boolean isNew(byte[] page) {
    return upper(page) == 0;
  }

  /** Whether the header says that this is a page of this size and layout. */
  public static boolean hasLayout(byte[] page) {
    return u16(page, SIZE_VERSION_AT) == (SIZE_BYTES | LAYOUT_VERSION);
  }

  /** {@code PageInit}: an empty page with that much special space; all else is zero. */
  public static void init(byte[] page, int specialSizeBytes) {
    int special = SIZE_BYTES - aligned(specialSizeBytes);
    Arrays.fill(page, 0, SIZE_BYTES, (byte) 0);
    setLower(page, HEADER_BYTES);
    setUpper(page, special);
    putU16(page, SPECIAL_AT, special);
    putU16(page, SIZE_VERSION_AT, SIZE_BYTES | LAYOUT_VERSION);
  }

  /** {@code PageGetMaxOffsetNumber}: how many line pointers there are. */
  public static int itemCount(byte[] page) {
    int lower = lower(page);
    return lower <= HEADER_BYTES ? 0 : (lower - HEADER_BYTES) / LINE_POINTER_BYTES;
  }

  private static int linePointerAt(int offsetNumber) {
    return HEADER_BYTES + (offsetNumber - 1) * LINE_POINTER_BYTES;
  }

  /** The line pointer of that offset number, packed. */
  public static int linePointer(byte[] page, int offsetNumber) {
    return i32(page, linePointerAt(offsetNumber));
  }

  public static void setLinePointer(byte[] page, int offsetNumber, int linePointer) {
    putI32(page, linePointerAt(offsetNumber), linePointer);
  }

  public static int packLinePointer(int offset, int flags, int length) {
    return (offset & 0x7FFF) | (flags << 15) | (length << 17);
  }

  /** Where the item begins; for a redirection, the offset number it leads to. */
  public static int itemOffset(int linePointer) {
    return linePointer & 0x7FFF;
  }

  public static int itemFlags(int linePointer) {
    return (linePointer >>> 15) & 3;
  }

  public static int itemLength(int linePointer) {
    return linePointer >>> 17;
  }
}
