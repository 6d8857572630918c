package io.coppice.postgres.page;

/**
 * The free-space map of a heap ({@code freespace.c}, {@code fsmpage.c}, {@code fsm_internals.h}): a
 * category of free space for each heap block, and above these, pages of maxima. There are always
 * three levels. Each upper page lies before the pages below it:
 *
 * <pre>
 *   block 0      1                2       3              4070       4071              4072
 *  +------+-----------------+---------+---------+----+----------+-----------------+-----------
 *  | root | middle page 0   | leaf 0  | leaf 1  | .. | leaf     | middle page 1   | leaf 4069
 *  |      |                 |         |         |    | 4068     |                 |
 *  +------+-----------------+---------+---------+----+----------+-----------------+-----------
 * </pre>
 *
 * Within a page there is a binary tree in an array, whose leaves are the page's slots. Each node is
 * the larger of its two children, which are 2n + 1 and 2n + 2:
 *
 * <pre>
 *  0        24              28              4123              8192
 *  +--------+---------------+---------------+-----------------+
 *  | header | next slot     | inner nodes   | slots           |
 *  |        | i32, a hint   | 4095 x u8     | 4069 x u8       |
 *  +--------+---------------+---------------+-----------------+
 * </pre>
 */
public final class FreeSpaceMap {
  /** {@code SlotsPerFSMPage}: heap blocks on a leaf page, and pages below an upper one. */
  public static final int SLOTS_PER_PAGE = 4069;

  /** {@code FSM_CAT_STEP}. */
  private static final int BYTES_PER_CATEGORY = 32;

  /** A page on which the largest heap tuple has room: {@code MaxFSMRequestSize}. */
  private static final int LARGEST_TUPLE_BYTES = 8160;

  private static final int CATEGORY_MAX = 255;
  private static final int NODES_AT = Page.HEADER_BYTES + Integer.BYTES;
  private static final int NODES = Page.SIZE_BYTES - NODES_AT;
  private static final int INNER_NODES = Page.SIZE_BYTES / 2 - 1;
  private static final int PAGES_PER_MIDDLE = 1 + SLOTS_PER_PAGE;

  private final byte[] categories;
  private final int heapBlocks;
  private final byte[] leafMaxima;
  private final byte[] middleMaxima;

  static {
    if (INNER_NODES + SLOTS_PER_PAGE != NODES) {
      throw new ExceptionInInitializerError("free-space map page layout drifted");
    }
  }

  /** The map of a heap of which that many first categories are known. */
  FreeSpaceMap(byte[] categories, int heapBlocks) {
    this.categories = categories;
    this.heapBlocks = heapBlocks;
    this.leafMaxima = maxima(categories, heapBlocks);
    this.middleMaxima = maxima(leafMaxima, leafMaxima.length);
  }

  private static byte[] maxima(byte[] values, int count) {
    byte[] maxima = new byte[Math.ceilDiv(count, SLOTS_PER_PAGE)];
    for (int i = 0; i < count; i++) {
      maxima[i / SLOTS_PER_PAGE] = larger(maxima[i / SLOTS_PER_PAGE], values[i]);
    }
    return maxima;
  }

  private static byte larger(byte a, byte b) {
    return (a & 0xFF) > (b & 0xFF) ? a : b;
  }

  /** {@code fsm_space_avail_to_cat}: how much room a page has, rounded down. */
  static byte category(int freeBytes) {
    return (byte)
        (freeBytes >= LARGEST_TUPLE_BYTES
            ? CATEGORY_MAX
            : Math.min(freeBytes / BYTES_PER_CATEGORY, CATEGORY_MAX - 1));
  }

  /** The block of the map that has the category of a heap block. */
  public static long mapBlock(long heapBlock) {
    long leaf = heapBlock / SLOTS_PER_PAGE;
    return leaf + leaf / SLOTS_PER_PAGE + 2;
  }

  /** Pages of the map. */
  public int pages() {
    return 1 + middleMaxima.length + leafMaxima.length;
  }

  /** A page of the map, without a checksum. */
  public byte[] page(int block) {
    if (block == 0) {
      return page(middleMaxima, 0, middleMaxima.length);
    }
    int middle = (block - 1) / PAGES_PER_MIDDLE;
    int inMiddle = (block - 1) % PAGES_PER_MIDDLE;
    return inMiddle == 0
        ? page(leafMaxima, middle * SLOTS_PER_PAGE, leafMaxima.length)
        : page(categories, (middle * SLOTS_PER_PAGE + inMiddle - 1) * SLOTS_PER_PAGE, heapBlocks);
  }

  /** A page with the values from that one on in its slots, as far as there are any. */
  private static byte[] page(byte[] values, int from, int end) {
    byte[] page = new byte[Page.SIZE_BYTES];
    Page.init(page, 0);
    int slots = Math.min(SLOTS_PER_PAGE, end - from);
    System.arraycopy(values, from, page, NODES_AT + INNER_NODES, slots);
    for (int node = INNER_NODES - 1; node >= 0; node--) {
      int child = 2 * node + 1;
      byte value = child < NODES ? page[NODES_AT + child] : 0;
      if (child + 1 < NODES) {
        value = larger(value, page[NODES_AT + child + 1]);
      }
      page[NODES_AT + node] = value;
    }
    return page;
  }
}
