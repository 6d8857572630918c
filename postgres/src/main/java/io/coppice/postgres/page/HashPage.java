package io.coppice.postgres.page;

import static io.coppice.postgres.bytes.LittleEndian.putI32;
import static io.coppice.postgres.bytes.LittleEndian.putU16;
import static io.coppice.postgres.bytes.LittleEndian.u16;

import io.coppice.common.error.StorageException;
import java.util.Arrays;

/**
 * A page of a hash index ({@code hash.h}): its special space, and the bitmap of overflow pages.
 *
 * <pre>
 *  special space         0          4      8        12      14
 *                        +----------+------+--------+-------+---------+
 *                        | previous | next | bucket | flags | page id |   u32 each, then u16
 *                        +----------+------+--------+-------+---------+
 *
 *  bitmap page contents  one bit for each overflow page, set if it is in use
 * </pre>
 *
 * The first page of a bucket has no previous one: there, <em>previous</em> is the number of the
 * last bucket when this one was made or last split.
 */
public final class HashPage {
  public static final int SPECIAL_BYTES = 16;

  /** {@code HASHO_PAGE_ID}, which tells these pages from those of other kinds of indexes. */
  public static final int PAGE_ID = 0xFF80;

  /** Where on a page {@link #PAGE_ID} is. */
  public static final int PAGE_ID_AT = Page.SIZE_BYTES - 2;

  /** {@code InvalidBlockNumber}, and {@code InvalidBucket} too. */
  public static final int NONE = 0xFFFF_FFFF;

  public static final int UNUSED = 0;
  public static final int OVERFLOW = 0x0001;
  public static final int BUCKET = 0x0002;
  public static final int BITMAP = 0x0004;
  public static final int META = 0x0008;
  public static final int NEEDS_SPLIT_CLEANUP = 0x0040;
  public static final int HAS_DEAD_TUPLES = 0x0080;

  static final int SPECIAL_AT = Page.SIZE_BYTES - SPECIAL_BYTES;
  private static final int PREVIOUS_AT = SPECIAL_AT;
  private static final int NEXT_AT = SPECIAL_AT + 4;
  private static final int BUCKET_AT = SPECIAL_AT + 8;
  private static final int FLAGS_AT = SPECIAL_AT + 12;

  private HashPage() {}

  /** Refuses a page whose special space is not a hash index's. */
  public static void check(byte[] page) throws StorageException.Corrupt {
    if (Page.special(page) != SPECIAL_AT || u16(page, PAGE_ID_AT) != PAGE_ID) {
      throw new StorageException.Corrupt(
          "not a page of a hash index: special space at %d, page id 0x%04X"
              .formatted(Page.special(page), u16(page, PAGE_ID_AT)));
    }
  }

  /** An empty page. */
  public static void init(byte[] page, int previous, int next, int bucket, int flags) {
    Page.init(page, SPECIAL_BYTES);
    putI32(page, PREVIOUS_AT, previous);
    putI32(page, NEXT_AT, next);
    putI32(page, BUCKET_AT, bucket);
    putU16(page, FLAGS_AT, flags);
    putU16(page, PAGE_ID_AT, PAGE_ID);
  }

  public static int flags(byte[] page) {
    return u16(page, FLAGS_AT);
  }

  public static void setFlags(byte[] page, int flags) {
    putU16(page, FLAGS_AT, flags);
  }

  public static void setPrevious(byte[] page, int block) {
    putI32(page, PREVIOUS_AT, block);
  }

  public static void setNext(byte[] page, int block) {
    putI32(page, NEXT_AT, block);
  }

  /** {@code _hash_initbitmapbuffer}: a bitmap of that many bytes that says all is in use. */
  public static void initBitmap(byte[] page, int bitmapBytes) throws StorageException.Corrupt {
    int end = Page.HEADER_BYTES + bitmapBytes;
    if (end > SPECIAL_AT) {
      throw new StorageException.Corrupt(
          "a bitmap of %d bytes does not fit a page".formatted(bitmapBytes));
    }
    init(page, NONE, NONE, NONE, BITMAP);
    Arrays.fill(page, Page.HEADER_BYTES, end, (byte) 0xFF);
    Page.setLower(page, end);
  }

  /** Notes in a bitmap whether an overflow page is in use. */
  public static void setInUse(byte[] page, int bit, boolean inUse) throws StorageException.Corrupt {
    int at = Page.HEADER_BYTES + (bit >>> 3);
    if (at >= Page.lower(page) || at >= SPECIAL_AT) {
      throw new StorageException.Corrupt(
          "bit %s is not in the bitmap, which ends at %d"
              .formatted(Integer.toUnsignedString(bit), Page.lower(page)));
    }
    int mask = 1 << (bit & 7);
    page[at] = (byte) (inUse ? page[at] | mask : page[at] & ~mask);
  }
}
