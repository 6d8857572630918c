package io.coppice.postgres.page;

import static io.coppice.postgres.bytes.LittleEndian.putU16;

/**
 * A heap tuple's header ({@code htup_details.h}).
 *
 * <pre>
 *  0      4      8                12              18          20         22       23
 *  +------+------+----------------+---------------+-----------+----------+--------+--------------
 *  | xmin | xmax | command or vac | its successor | infomask2 | infomask | header | null bitmap,
 *  | u32  | u32  | u32            | block, offset | u16       | u16      | length | padding, data
 *  +------+------+----------------+---------------+-----------+----------+--------+--------------
 * </pre>
 *
 * A position (block, offset) is three 16-bit numbers: the block's high half, its low half, the
 * offset number.
 */
public final class HeapTuple {
  /** {@code SizeofHeapTupleHeader}. */
  public static final int HEADER_BYTES = 23;

  public static final int XMIN_AT = 0;
  public static final int XMAX_AT = 4;
  public static final int COMMAND_AT = 8;
  public static final int SUCCESSOR_AT = 12;
  public static final int INFOMASK2_AT = 18;
  public static final int INFOMASK_AT = 20;
  public static final int HEADER_LENGTH_AT = 22;

  public static final int XMAX_KEYSHR_LOCK = 0x0010;
  public static final int COMBOCID = 0x0020;
  public static final int XMAX_EXCL_LOCK = 0x0040;
  public static final int XMAX_LOCK_ONLY = 0x0080;
  public static final int LOCK_MASK = XMAX_EXCL_LOCK | XMAX_KEYSHR_LOCK;
  public static final int XMIN_FROZEN = 0x0300;
  public static final int XMAX_COMMITTED = 0x0400;
  public static final int XMAX_INVALID = 0x0800;
  public static final int XMAX_IS_MULTI = 0x1000;
  public static final int MOVED = 0xC000;
  public static final int XACT_MASK = 0xFFF0;
  public static final int XMAX_BITS =
      XMAX_COMMITTED | XMAX_INVALID | XMAX_IS_MULTI | LOCK_MASK | XMAX_LOCK_ONLY;

  public static final int KEYS_UPDATED = 0x2000;
  public static final int HOT_UPDATED = 0x4000;

  /** Offset number of a successor that is a token of a speculative insertion. */
  public static final int SPECULATIVE_OFFSET = 0xFFFE;

  /** Offset number of a successor that says the row moved to another partition. */
  public static final int MOVED_PARTITIONS_OFFSET = 0xFFFD;

  private HeapTuple() {}

  /** Sets where the tuple's next version is; itself if it is the newest. */
  public static void setSuccessor(byte[] page, int tuple, int block, int offsetNumber) {
    setPosition(page, tuple + SUCCESSOR_AT, block, offsetNumber);
  }

  /** Writes a position: {@code ItemPointerSet}. */
  public static void setPosition(byte[] page, int at, int block, int offsetNumber) {
    putU16(page, at, block >>> 16);
    putU16(page, at + 2, block);
    putU16(page, at + 4, offsetNumber);
  }
}
