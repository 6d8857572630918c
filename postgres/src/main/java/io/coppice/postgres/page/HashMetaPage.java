package io.coppice.postgres.page;

import static io.coppice.postgres.bytes.LittleEndian.i32;
import static io.coppice.postgres.bytes.LittleEndian.i64;
import static io.coppice.postgres.bytes.LittleEndian.putI32;
import static io.coppice.postgres.bytes.LittleEndian.putI64;
import static io.coppice.postgres.bytes.LittleEndian.putU16;

import io.coppice.common.error.StorageException;

/**
 * The metapage of a hash index, its block 0 ({@code hash.h}).
 *
 * <pre>
 *  0       4         8        16            18          20           22
 *  +-------+---------+--------+-------------+-----------+------------+--------------+
 *  | magic | version | tuples | fill factor | page size | bitmap     | bitmap shift |
 *  | u32   | u32     | f64    | u16         | u16       | bytes u16  | u16          |
 *  +-------+---------+--------+-------------+-----------+------------+--------------+
 *  24            28          32         36             40           44       48
 *  +-------------+-----------+----------+--------------+------------+---------+-----------+
 *  | last bucket | high mask | low mask | split point  | first free | bitmaps | procedure |
 *  +-------------+-----------+----------+--------------+------------+---------+-----------+
 *  52: spares, u32 x 98 | 444: blocks of the bitmaps, u32 x 1024 | 4540: padding | 4544
 * </pre>
 *
 * Buckets are made in batches, each at a split point; <em>spares</em> counts, for each of these,
 * the overflow pages that lie before the batch that comes next.
 */
public final class HashMetaPage {
  private static final int MAGIC = 0x0644_0640;
  private static final int VERSION = 4;
  private static final int SPARES_MAX = 98;
  private static final int BITMAPS_MAX = 1024;
  private static final int PAGE_BYTES = HashPage.SPECIAL_AT - Page.HEADER_BYTES;

  /** The largest power of two that is no more than {@link #PAGE_BYTES}. */
  private static final int BITMAP_BYTES = 4096;

  /** Binary logarithm of the bits in a bitmap. */
  private static final int BITMAP_SHIFT = 15;

  private static final int AT = Page.HEADER_BYTES;
  private static final int TUPLES_AT = AT + 8;
  private static final int LAST_BUCKET_AT = AT + 24;
  private static final int HIGH_MASK_AT = AT + 28;
  private static final int LOW_MASK_AT = AT + 32;
  private static final int SPLIT_POINT_AT = AT + 36;
  private static final int FIRST_FREE_AT = AT + 40;
  private static final int BITMAPS_AT = AT + 44;
  private static final int PROCEDURE_AT = AT + 48;
  private static final int SPARES_AT = AT + 52;
  private static final int BITMAP_BLOCKS_AT = SPARES_AT + SPARES_MAX * 4;
  private static final int END_AT = AT + 4544;

  /** Groups of buckets up to this one are made at one split point each, later ones at four. */
  private static final int GROUPS_OF_ONE_PHASE = 10;

  private static final int PHASE_BITS = 2;
  private static final int PHASE_MASK = (1 << PHASE_BITS) - 1;
  private static final int BUCKETS_MIN = 2;
  private static final int BUCKETS_MAX = 0x4000_0000;

  private HashMetaPage() {}

  /** Refuses a page that is no metapage of a hash index. */
  public static void check(byte[] page) throws StorageException.Corrupt {
    HashPage.check(page);
    if (i32(page, AT) != MAGIC) {
      throw new StorageException.Corrupt(
          "not the metapage of a hash index: magic 0x%08X".formatted(i32(page, AT)));
    }
  }

  /** {@code _hash_init_metabuffer}: of an index that begins with buckets for so many tuples. */
  public static void init(byte[] page, double tuples, int procedure, int fillFactor)
      throws StorageException.Corrupt {
    if (!(tuples >= 0) || fillFactor == 0) {
      throw new StorageException.Corrupt(
          "a hash index for %s tuples, %d in a bucket".formatted(tuples, fillFactor));
    }
    double wanted = tuples / fillFactor;
    int buckets =
        wanted <= BUCKETS_MIN
            ? BUCKETS_MIN
            : wanted >= BUCKETS_MAX ? BUCKETS_MAX : bucketsUpTo(splitPoint((int) wanted));
    int splitPoint = splitPoint(buckets);
    int highMask = nextPowerOfTwo(buckets + 1) - 1;
    HashPage.init(page, HashPage.NONE, HashPage.NONE, HashPage.NONE, HashPage.META);
    putI32(page, AT, MAGIC);
    putI32(page, AT + 4, VERSION);
    putU16(page, AT + 16, fillFactor);
    putU16(page, AT + 18, PAGE_BYTES);
    putU16(page, AT + 20, BITMAP_BYTES);
    putU16(page, AT + 22, BITMAP_SHIFT);
    putI32(page, LAST_BUCKET_AT, buckets - 1);
    setMasks(page, highMask >>> 1, highMask);
    putI32(page, SPLIT_POINT_AT, splitPoint);
    putI32(page, PROCEDURE_AT, procedure);
    putI32(page, SPARES_AT + splitPoint * 4, 1);
    Page.setLower(page, END_AT);
  }

  private static int nextPowerOfTwo(int number) {
    int highest = Integer.highestOneBit(number);
    return highest == number ? number : highest << 1;
  }

  /** {@code _hash_spareindex}: the split point at which the last of so many buckets is made. */
  private static int splitPoint(int buckets) {
    int group = Integer.SIZE - Integer.numberOfLeadingZeros(buckets - 1);
    if (group < GROUPS_OF_ONE_PHASE) {
      return group;
    }
    int phase = (buckets - 1) >> (group - (PHASE_BITS + 1)) & PHASE_MASK;
    return GROUPS_OF_ONE_PHASE + ((group - GROUPS_OF_ONE_PHASE) << PHASE_BITS) + phase;
  }

  /** {@code _hash_get_totalbuckets}: how many buckets there are after a split point. */
  private static int bucketsUpTo(int splitPoint) {
    if (splitPoint < GROUPS_OF_ONE_PHASE) {
      return 1 << splitPoint;
    }
    int later = splitPoint - GROUPS_OF_ONE_PHASE;
    int half = 1 << (GROUPS_OF_ONE_PHASE + (later >> PHASE_BITS) - 1);
    return half + (half >> PHASE_BITS) * ((later & PHASE_MASK) + 1);
  }

  public static double tuples(byte[] page) {
    return Double.longBitsToDouble(i64(page, TUPLES_AT));
  }

  public static void setTuples(byte[] page, double tuples) {
    putI64(page, TUPLES_AT, Double.doubleToRawLongBits(tuples));
  }

  public static int lastBucket(byte[] page) {
    return i32(page, LAST_BUCKET_AT);
  }

  public static void setLastBucket(byte[] page, int bucket) {
    putI32(page, LAST_BUCKET_AT, bucket);
  }

  public static void setMasks(byte[] page, int lowMask, int highMask) {
    putI32(page, LOW_MASK_AT, lowMask);
    putI32(page, HIGH_MASK_AT, highMask);
  }

  public static void setFirstFree(byte[] page, int bit) {
    putI32(page, FIRST_FREE_AT, bit);
  }

  /** The next batch of buckets: its split point, and the overflow pages before the one after it. */
  public static void setSplitPoint(byte[] page, int splitPoint, int spares)
      throws StorageException.Corrupt {
    putI32(page, spareAt(splitPoint), spares);
    putI32(page, SPLIT_POINT_AT, splitPoint);
  }

  /** One more overflow page at the end of the index. */
  public static void addSpare(byte[] page) throws StorageException.Corrupt {
    int at = spareAt(i32(page, SPLIT_POINT_AT));
    putI32(page, at, i32(page, at) + 1);
  }

  private static int spareAt(int splitPoint) throws StorageException.Corrupt {
    if (splitPoint < 0 || splitPoint >= SPARES_MAX) {
      throw new StorageException.Corrupt(
          "split point %s; the last is %d"
              .formatted(Integer.toUnsignedString(splitPoint), SPARES_MAX - 1));
    }
    return SPARES_AT + splitPoint * 4;
  }

  /** One more bitmap, in that block. */
  public static void addBitmap(byte[] page, int block) throws StorageException.Corrupt {
    int count = i32(page, BITMAPS_AT);
    if (count < 0 || count >= BITMAPS_MAX) {
      throw new StorageException.Corrupt(
          "a bitmap after %s; there are up to %d"
              .formatted(Integer.toUnsignedString(count), BITMAPS_MAX));
    }
    putI32(page, BITMAP_BLOCKS_AT + count * 4, block);
    putI32(page, BITMAPS_AT, count + 1);
  }
}
