package io.coppice.postgres.page;

import static io.coppice.postgres.bytes.LittleEndian.putI32;
import static io.coppice.postgres.bytes.LittleEndian.putU16;
import static io.coppice.postgres.bytes.LittleEndian.u16;

import io.coppice.common.error.StorageException;

/**
 * A page of a BRIN index ({@code brin_page.h}): its special space, the metapage, pages of the range
 * map.
 *
 * <pre>
 *  special space      0         4       6
 *                     +---------+-------+------+
 *                     | nothing | flags | type |   u16
 *                     +---------+-------+------+
 *
 *  metapage contents  0       4         8                 12                    16
 *                     | magic | version | pages per range | last page of map    |   u32
 *
 *  map contents       positions of summaries, 6 bytes each, in the order of their heap ranges
 * </pre>
 *
 * A page of the map has no items, and its contents lie where other pages have their free space.
 */
public final class BrinPage {
  public static final int SPECIAL_BYTES = 8;

  public static final int META = 0xF091;
  public static final int MAP = 0xF092;
  public static final int REGULAR = 0xF093;

  private static final int EVACUATE = 0x0001;

  private static final int SPECIAL_AT = Page.SIZE_BYTES - SPECIAL_BYTES;
  private static final int FLAGS_AT = SPECIAL_AT + 4;
  private static final int TYPE_AT = SPECIAL_AT + 6;

  private static final int META_MAGIC = 0xA810_9CFA;
  private static final int META_BYTES = 16;
  private static final int LAST_MAP_PAGE_AT = Page.HEADER_BYTES + 12;

  /** {@code REVMAP_PAGE_MAXITEMS}. */
  private static final int RANGES_PER_MAP_PAGE =
      (SPECIAL_AT - Page.HEADER_BYTES) / IndexTuple.POSITION_BYTES;

  private static final int NO_BLOCK = -1;

  private BrinPage() {}

  public static int type(byte[] page) {
    return u16(page, TYPE_AT);
  }

  /** Whether the special space is that of a BRIN index. */
  public static boolean is(byte[] page) {
    return Page.special(page) == SPECIAL_AT && type(page) >= META && type(page) <= REGULAR;
  }

  /** Refuses a page that is not of that type. */
  public static void check(byte[] page, int type) throws StorageException.Corrupt {
    if (Page.special(page) != SPECIAL_AT || type(page) != type) {
      throw new StorageException.Corrupt(
          "not a BRIN page of type 0x%04X: special space at %d, type 0x%04X"
              .formatted(type, Page.special(page), type(page)));
    }
  }

  /** An empty page of that type. */
  public static void init(byte[] page, int type) {
    Page.init(page, SPECIAL_BYTES);
    putU16(page, TYPE_AT, type);
  }

  /** The metapage of an index that has no page of the map yet. */
  public static void initMeta(byte[] page, int pagesPerRange, int version) {
    init(page, META);
    putI32(page, Page.HEADER_BYTES, META_MAGIC);
    putI32(page, Page.HEADER_BYTES + 4, version);
    putI32(page, Page.HEADER_BYTES + 8, pagesPerRange);
    Page.setLower(page, Page.HEADER_BYTES + META_BYTES);
  }

  /** Notes in the metapage that the map ends with that block. */
  public static void setLastMapPage(byte[] page, int block) {
    putI32(page, LAST_MAP_PAGE_AT, block);
    Page.setLower(page, Page.HEADER_BYTES + META_BYTES);
  }

  /** {@code brinSetHeapBlockItemptr}: where the summary of a heap block's range is. */
  public static void setSummary(
      byte[] page, int pagesPerRange, int heapBlock, int block, int offsetNumber)
      throws StorageException.Corrupt {
    if (pagesPerRange == 0) {
      throw new StorageException.Corrupt("a BRIN range of no pages");
    }
    int range = Integer.divideUnsigned(heapBlock, pagesPerRange);
    int at =
        Page.HEADER_BYTES
            + Integer.remainderUnsigned(range, RANGES_PER_MAP_PAGE) * IndexTuple.POSITION_BYTES;
    HeapTuple.setPosition(page, at, block, offsetNumber);
  }

  /** The range of a heap block has no summary any more. */
  public static void clearSummary(byte[] page, int pagesPerRange, int heapBlock)
      throws StorageException.Corrupt {
    setSummary(page, pagesPerRange, heapBlock, NO_BLOCK, 0);
  }

  /** Clears the mark that tuples move away from here, which Postgres does not log. */
  static void clearEvacuate(byte[] page) {
    putU16(page, FLAGS_AT, u16(page, FLAGS_AT) & ~EVACUATE);
  }
}
