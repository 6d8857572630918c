package io.coppice.postgres.page;

import java.util.Optional;

/**
 * Notes how much room each page of a relation has, as the pages go by in order, if it is a heap.
 * Pages say so themselves: all indexes and sequences have a special area, heaps have none, and what
 * is on a page of a heap begins as a heap tuple does.
 */
public final class HeapFreeSpace {
  /** Of larger heaps no map is made, so that there is a limit to the memory that it takes. */
  public static final int BLOCKS_MAX = 1 << 24;

  /** Heaps so small gain nothing from a map: it would be as large as they are. */
  private static final int BLOCKS_WITHOUT_MAP_MAX = 4;

  private static final int FLAGS = Page.HAS_FREE_LINES | Page.PAGE_FULL | Page.ALL_VISIBLE;
  private static final int TUPLE_HEADER_BYTES_MIN = Page.aligned(HeapTuple.HEADER_BYTES);

  private final byte[] categories;
  private int blocks;
  private boolean mayBeHeap;
  private boolean sawTuple;
  private boolean sawRoom;

  /**
   * For the pages of a relation.
   *
   * @param blocks how many there are at most
   */
  public HeapFreeSpace(long blocks) {
    this.mayBeHeap = blocks > BLOCKS_WITHOUT_MAP_MAX && blocks <= BLOCKS_MAX;
    this.categories = new byte[mayBeHeap ? (int) blocks : 0];
  }

  /** Takes the next page. */
  public void add(byte[] page) {
    if (!mayBeHeap) {
      return;
    }
    mayBeHeap = blocks < categories.length && (Page.isNew(page) || isOfHeap(page));
    if (mayBeHeap) {
      byte category = FreeSpaceMap.category(freeBytes(page));
      categories[blocks++] = category;
      sawRoom |= category != 0;
    }
  }

  private boolean isOfHeap(byte[] page) {
    int lower = Page.lower(page);
    if (Page.special(page) != Page.SIZE_BYTES
        || !Page.hasLayout(page)
        || (Page.flags(page) & ~FLAGS) != 0
        || lower < Page.HEADER_BYTES
        || lower > Page.upper(page)
        || Page.upper(page) > Page.SIZE_BYTES) {
      return false;
    }
    int count = Page.itemCount(page);
    for (int offsetNumber = 1; offsetNumber <= count; offsetNumber++) {
      int linePointer = Page.linePointer(page, offsetNumber);
      if (Page.itemFlags(linePointer) == Page.LP_NORMAL) {
        sawTuple = true;
        return isHeapTuple(page, Page.itemOffset(linePointer), Page.itemLength(linePointer));
      }
    }
    return true;
  }

  private static boolean isHeapTuple(byte[] page, int offset, int length) {
    if (length < TUPLE_HEADER_BYTES_MIN || offset + length > Page.SIZE_BYTES) {
      return false;
    }
    int headerLength = page[offset + HeapTuple.HEADER_LENGTH_AT] & 0xFF;
    return headerLength >= TUPLE_HEADER_BYTES_MIN
        && headerLength <= length
        && headerLength == Page.aligned(headerLength);
  }

  /** {@code PageGetHeapFreeSpace}: room for one more tuple and its line pointer. */
  private static int freeBytes(byte[] page) {
    if (Page.isNew(page)) {
      return Page.SIZE_BYTES - Page.HEADER_BYTES;
    }
    int gap = Page.upper(page) - Page.lower(page);
    if (gap < Page.LINE_POINTER_BYTES || !mayAddLinePointer(page)) {
      return 0;
    }
    return gap - Page.LINE_POINTER_BYTES;
  }

  private static boolean mayAddLinePointer(byte[] page) {
    int count = Page.itemCount(page);
    if (count < Page.HEAP_TUPLES_MAX) {
      return true;
    }
    for (int offsetNumber = 1;
        Page.hasFlag(page, Page.HAS_FREE_LINES) && offsetNumber <= count;
        offsetNumber++) {
      if (Page.itemFlags(Page.linePointer(page, offsetNumber)) == Page.LP_UNUSED) {
        return true;
      }
    }
    return false;
  }

  /** The map of what was added; empty if that is no heap, or a map of it would say nothing. */
  public Optional<FreeSpaceMap> map() {
    return mayBeHeap && sawTuple && sawRoom
        ? Optional.of(new FreeSpaceMap(categories, blocks))
        : Optional.empty();
  }
}
