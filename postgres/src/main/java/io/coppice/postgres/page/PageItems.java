package io.coppice.postgres.page;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.bytes.LittleEndian;

/**
 * Adds, moves and removes items of a page as {@code bufpage.c} does, to the byte: where an item
 * lands depends on the order of line pointers and on which routine was used, and Postgres's redo
 * relies on it.
 *
 * <p>Holds the memory it works in: one for each thread. A page that does not fit the request is
 * {@link StorageException.Corrupt}, and may be half changed then.
 */
public final class PageItems {
  private static final int ITEMS_MAX =
      (Page.SIZE_BYTES - Page.HEADER_BYTES) / Page.LINE_POINTER_BYTES;

  /** Up to this many deletions keep the items' order; more put it right ({@code bufpage.c}). */
  private static final int RETAIL_DELETES_MAX = 2;

  private final byte[] scratch = new byte[Page.SIZE_BYTES];

  /** The items that stay, in the order that they will have from the end of the page backwards. */
  private final int[] keptOffset = new int[ITEMS_MAX];

  private final int[] keptAlignedLength = new int[ITEMS_MAX];
  private final int[] keptNumber = new int[ITEMS_MAX];
  private final int[] newLinePointers = new int[ITEMS_MAX];
  private int keptCount;
  private int keptBytes;
  private boolean keptIsSorted;

  /**
   * Room for a new item at an offset number that is one past the last or, with {@code overwrite},
   * unused; without it, items from there on move up by one.
   *
   * @return where in the page the item's {@code size} bytes are to be written
   */
  public int add(byte[] page, int offsetNumber, int size, boolean overwrite, int itemsMax)
      throws StorageException.Corrupt {
    checkBounds(page);
    int limit = Page.itemCount(page) + 1;
    if (offsetNumber < 1 || offsetNumber > limit || offsetNumber > itemsMax) {
      throw corrupt("no item can be added at offset %d of %d".formatted(offsetNumber, limit - 1));
    }
    boolean isNewSlot = offsetNumber == limit || !overwrite;
    if (offsetNumber < limit && overwrite) {
      int present = Page.linePointer(page, offsetNumber);
      if (Page.itemFlags(present) != Page.LP_UNUSED || Page.itemLength(present) != 0) {
        throw corrupt("offset %d is in use".formatted(offsetNumber));
      }
    }
    int lower = Page.lower(page) + (isNewSlot ? Page.LINE_POINTER_BYTES : 0);
    int upper = Page.upper(page) - Page.aligned(size);
    if (lower > upper) {
      throw corrupt(
          "no room for an item of %d bytes (lower %d, upper %d)"
              .formatted(size, Page.lower(page), Page.upper(page)));
    }
    if (isNewSlot && offsetNumber < limit) {
      int at = linePointerAt(offsetNumber);
      System.arraycopy(
          page,
          at,
          page,
          at + Page.LINE_POINTER_BYTES,
          (limit - offsetNumber) * Page.LINE_POINTER_BYTES);
    }
    Page.setLinePointer(page, offsetNumber, Page.packLinePointer(upper, Page.LP_NORMAL, size));
    Page.setLower(page, lower);
    Page.setUpper(page, upper);
    return upper;
  }

  /** Room for an index item; those from that offset number on move up by one. */
  public int addToIndex(byte[] page, int offsetNumber, int size) throws StorageException.Corrupt {
    return add(page, offsetNumber, size, false, ITEMS_MAX);
  }

  /** Adds an index item; those from that offset number on move up by one. */
  public void addToIndex(byte[] page, int offsetNumber, byte[] from, int fromOffset, int size)
      throws StorageException.Corrupt {
    System.arraycopy(from, fromOffset, page, addToIndex(page, offsetNumber, size), size);
  }

  /** Adds an index item at an offset number that is unused or one past the last. */
  public void addToUnusedInIndex(
      byte[] page, int offsetNumber, byte[] from, int fromOffset, int size)
      throws StorageException.Corrupt {
    int at = add(page, offsetNumber, size, true, ITEMS_MAX);
    System.arraycopy(from, fromOffset, page, at, size);
  }

  /** The line pointer of an offset number that must exist. */
  public static int existing(byte[] page, int offsetNumber) throws StorageException.Corrupt {
    int count = Page.itemCount(page);
    if (offsetNumber < 1 || offsetNumber > count) {
      throw corrupt("offset %d is not among the page's %d".formatted(offsetNumber, count));
    }
    return Page.linePointer(page, offsetNumber);
  }

  /** The line pointer of an item that must be there, whole, and at least so long. */
  public static int normal(byte[] page, int offsetNumber, int lengthMin)
      throws StorageException.Corrupt {
    int linePointer = existing(page, offsetNumber);
    if (Page.itemFlags(linePointer) != Page.LP_NORMAL) {
      throw corrupt(
          "offset %d is not in use (flags %d)"
              .formatted(offsetNumber, Page.itemFlags(linePointer)));
    }
    return checkStored(linePointer, offsetNumber, lengthMin);
  }

  /** The line pointer of an index item, which may be marked dead and still has its bytes. */
  public static int stored(byte[] page, int offsetNumber, int lengthMin)
      throws StorageException.Corrupt {
    return checkStored(existing(page, offsetNumber), offsetNumber, lengthMin);
  }

  private static int checkStored(int linePointer, int offsetNumber, int lengthMin)
      throws StorageException.Corrupt {
    int offset = Page.itemOffset(linePointer);
    int length = Page.itemLength(linePointer);
    if (offset < Page.HEADER_BYTES || length < lengthMin || offset + length > Page.SIZE_BYTES) {
      throw corrupt(
          "item %d (offset %d, length %d) is not within the page or too short"
              .formatted(offsetNumber, offset, length));
    }
    return linePointer;
  }

  /**
   * {@code PageRepairFragmentation}: closes the gaps that removed heap items left, puts items into
   * the order of their line pointers.
   *
   * @param dropsLinePointers whether it also drops unused line pointers at the end, as from 15 on
   */
  public void repairFragmentation(byte[] page, boolean dropsLinePointers)
      throws StorageException.Corrupt {
    checkBounds(page);
    int count = Page.itemCount(page);
    int lastUsed = 0;
    int unused = 0;
    startKeeping();
    for (int i = 1; i <= count; i++) {
      int linePointer = Page.linePointer(page, i);
      if (Page.itemFlags(linePointer) == Page.LP_UNUSED) {
        Page.setLinePointer(page, i, 0);
        unused++;
        continue;
      }
      lastUsed = i;
      if (Page.itemLength(linePointer) != 0) {
        keep(page, i, linePointer);
      }
    }
    compactify(page);
    int dropped = dropsLinePointers ? count - lastUsed : 0;
    Page.setLower(page, Page.lower(page) - dropped * Page.LINE_POINTER_BYTES);
    Page.setFlag(page, Page.HAS_FREE_LINES, unused > dropped);
  }

  /** {@code PageTruncateLinePointerArray}: drops unused line pointers at the end, all but one. */
  public static void truncateLinePointers(byte[] page) throws StorageException.Corrupt {
    checkBounds(page);
    int count = Page.itemCount(page);
    int last = count;
    while (last > 1 && Page.itemFlags(Page.linePointer(page, last)) == Page.LP_UNUSED) {
      last--;
    }
    boolean hasFree = false;
    for (int i = last; i >= 1 && !hasFree; i--) {
      hasFree = Page.itemFlags(Page.linePointer(page, i)) == Page.LP_UNUSED;
    }
    Page.setLower(page, Page.lower(page) - (count - last) * Page.LINE_POINTER_BYTES);
    Page.setFlag(page, Page.HAS_FREE_LINES, hasFree);
  }

  /** {@code PageIndexTupleDelete}. */
  public static void deleteFromIndex(byte[] page, int offsetNumber)
      throws StorageException.Corrupt {
    checkBounds(page);
    int linePointer = checkIndexItem(page, offsetNumber, existing(page, offsetNumber));
    int lower = Page.lower(page);
    int next = linePointerAt(offsetNumber + 1);
    System.arraycopy(page, next, page, next - Page.LINE_POINTER_BYTES, lower - next);
    Page.setLower(page, lower - Page.LINE_POINTER_BYTES);
    closeGap(page, linePointer);
  }

  /**
   * {@code PageIndexTupleDeleteNoCompact}: the other items keep their offset numbers, and this one
   * becomes unused, or is dropped if it was the last.
   */
  public static void deleteKeepingOffsets(byte[] page, int offsetNumber)
      throws StorageException.Corrupt {
    checkBounds(page);
    int linePointer = checkIndexItem(page, offsetNumber, existing(page, offsetNumber));
    if (offsetNumber < Page.itemCount(page)) {
      Page.setLinePointer(page, offsetNumber, 0);
    } else {
      Page.setLower(page, Page.lower(page) - Page.LINE_POINTER_BYTES);
    }
    closeGap(page, linePointer);
  }

  /** Moves what lies before an item up over it, once its line pointer is gone. */
  private static void closeGap(byte[] page, int linePointer) {
    int offset = Page.itemOffset(linePointer);
    int size = Page.aligned(Page.itemLength(linePointer));
    int upper = Page.upper(page);
    System.arraycopy(page, upper, page, upper + size, offset - upper);
    Page.setUpper(page, upper + size);
    shiftItems(page, offset, size);
  }

  /** Exchanges two line pointers, and so the offset numbers of their items. */
  public static void swap(byte[] page, int offsetNumber, int other)
      throws StorageException.Corrupt {
    int linePointer = existing(page, offsetNumber);
    Page.setLinePointer(page, offsetNumber, existing(page, other));
    Page.setLinePointer(page, other, linePointer);
  }

  /**
   * {@code PageIndexMultiDelete}: removes items whose offset numbers stand, ascending and 16 bits
   * each, in {@code from}.
   */
  public void deleteManyFromIndex(byte[] page, byte[] from, int fromOffset, int deletes)
      throws StorageException.Corrupt {
    if (deletes <= RETAIL_DELETES_MAX) {
      for (int i = deletes - 1; i >= 0; i--) {
        deleteFromIndex(page, LittleEndian.u16(from, fromOffset + i * 2));
      }
      return;
    }
    checkBounds(page);
    int count = Page.itemCount(page);
    int next = 0;
    startKeeping();
    for (int i = 1; i <= count; i++) {
      int linePointer = checkIndexItem(page, i, Page.linePointer(page, i));
      if (next < deletes && LittleEndian.u16(from, fromOffset + next * 2) == i) {
        next++;
      } else {
        newLinePointers[keptCount] = linePointer;
        keep(page, keptCount + 1, linePointer);
      }
    }
    if (next != deletes) {
      throw corrupt("%d of %d items to delete are not there".formatted(deletes - next, deletes));
    }
    for (int i = 0; i < keptCount; i++) {
      Page.setLinePointer(page, i + 1, newLinePointers[i]);
    }
    Page.setLower(page, Page.HEADER_BYTES + keptCount * Page.LINE_POINTER_BYTES);
    compactify(page);
  }

  /**
   * {@code PageIndexTupleOverwrite}: another item, maybe of another length, at the same place; the
   * line pointer's flags stay.
   */
  public static void overwriteInIndex(
      byte[] page, int offsetNumber, byte[] from, int fromOffset, int size)
      throws StorageException.Corrupt {
    checkBounds(page);
    int linePointer = checkIndexItem(page, offsetNumber, existing(page, offsetNumber));
    int offset = Page.itemOffset(linePointer);
    int upper = Page.upper(page);
    int shift = Page.aligned(Page.itemLength(linePointer)) - Page.aligned(size);
    if (-shift > upper - Page.lower(page)) {
      throw corrupt("no room to lengthen item %d by %d bytes".formatted(offsetNumber, -shift));
    }
    if (shift != 0) {
      System.arraycopy(page, upper, page, upper + shift, offset - upper);
      Page.setUpper(page, upper + shift);
      shiftItems(page, offset, shift);
    }
    Page.setLinePointer(
        page,
        offsetNumber,
        Page.packLinePointer(offset + shift, Page.itemFlags(linePointer), size));
    System.arraycopy(from, fromOffset, page, offset + shift, size);
  }

  /** Adds to the offsets of items that lie at or before one. */
  private static void shiftItems(byte[] page, int upToOffset, int shift) {
    int count = Page.itemCount(page);
    for (int i = 1; i <= count; i++) {
      int linePointer = Page.linePointer(page, i);
      int offset = Page.itemOffset(linePointer);
      if (Page.itemLength(linePointer) != 0 && offset <= upToOffset) {
        Page.setLinePointer(page, i, (linePointer & ~0x7FFF) | ((offset + shift) & 0x7FFF));
      }
    }
  }

  private void startKeeping() {
    keptCount = 0;
    keptBytes = 0;
    keptIsSorted = true;
  }

  private void keep(byte[] page, int offsetNumber, int linePointer)
      throws StorageException.Corrupt {
    int offset = Page.itemOffset(linePointer);
    int length = Page.aligned(Page.itemLength(linePointer));
    if (offset < Page.upper(page) || offset + length > Page.special(page)) {
      throw corrupt("item %d (offset %d) is not in the item space".formatted(offsetNumber, offset));
    }
    if (keptCount > 0 && offset >= keptOffset[keptCount - 1]) {
      keptIsSorted = false;
    }
    keptOffset[keptCount] = offset;
    keptAlignedLength[keptCount] = length;
    keptNumber[keptCount] = offsetNumber;
    keptCount++;
    keptBytes += length;
  }

  private static int checkIndexItem(byte[] page, int offsetNumber, int linePointer)
      throws StorageException.Corrupt {
    int offset = Page.itemOffset(linePointer);
    int length = Page.itemLength(linePointer);
    if (offset < Page.upper(page)
        || offset + Page.aligned(length) > Page.special(page)
        || offset != Page.aligned(offset)) {
      throw corrupt(
          "index item %d (offset %d, length %d) is not in the item space"
              .formatted(offsetNumber, offset, length));
    }
    return linePointer;
  }

  private static int linePointerAt(int offsetNumber) {
    return Page.HEADER_BYTES + (offsetNumber - 1) * Page.LINE_POINTER_BYTES;
  }

  /** Refuses a page whose header would lead writes astray. */
  private static void checkBounds(byte[] page) throws StorageException.Corrupt {
    int lower = Page.lower(page);
    int upper = Page.upper(page);
    int special = Page.special(page);
    if (lower < Page.HEADER_BYTES
        || lower > upper
        || upper > special
        || special > Page.SIZE_BYTES
        || special != Page.aligned(special)) {
      throw corrupt(
          "page header is damaged: lower %d, upper %d, special %d"
              .formatted(lower, upper, special));
    }
  }

  private static StorageException.Corrupt corrupt(String what) {
    return new StorageException.Corrupt(what);
  }

  /**
   * Moves the kept items to the end of the item space, the first of them last in the page. If they
   * lie in that order already they are only ever moved up, within the page; if not, out of a copy.
   */
  private void compactify(byte[] page) throws StorageException.Corrupt {
    int special = Page.special(page);
    if (keptBytes > special - Page.lower(page)) {
      throw corrupt(
          "items of %d bytes in all do not fit %d"
              .formatted(keptBytes, special - Page.lower(page)));
    }
    byte[] source = page;
    if (!keptIsSorted) {
      int upper = Page.upper(page);
      System.arraycopy(page, upper, scratch, upper, special - upper);
      source = scratch;
    }
    int upper = special;
    int pendingFrom = special;
    int pendingTo = special;
    for (int i = 0; i < keptCount; i++) {
      int offset = keptOffset[i];
      int end = offset + keptAlignedLength[i];
      if (end != pendingFrom) {
        move(source, pendingFrom, pendingTo, page, upper);
        pendingTo = end;
      }
      upper -= keptAlignedLength[i];
      pendingFrom = offset;
      int linePointer = Page.linePointer(page, keptNumber[i]);
      Page.setLinePointer(page, keptNumber[i], (linePointer & ~0x7FFF) | upper);
    }
    move(source, pendingFrom, pendingTo, page, upper);
    Page.setUpper(page, upper);
  }

  private void move(byte[] source, int from, int to, byte[] page, int target) {
    boolean isInPlace = keptIsSorted && from == target;
    if (!isInPlace) {
      System.arraycopy(source, from, page, target, to - from);
    }
  }
}
