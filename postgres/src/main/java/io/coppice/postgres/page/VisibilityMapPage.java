package io.coppice.postgres.page;

import java.util.Arrays;

/**
 * A page of a visibility map ({@code visibilitymap.c}): two bits for each heap block, four blocks
 * to a byte, right behind the page header.
 */
public final class VisibilityMapPage {
  private static final int BLOCKS_PER_BYTE = 4;
  private static final int BITS_PER_BLOCK = 2;
  private static final int VALID_BITS = 0x03;
  private static final int MAP_BYTES = Page.SIZE_BYTES - Page.HEADER_BYTES;

  /** {@code HEAPBLOCKS_PER_PAGE}. */
  public static final int HEAP_BLOCKS_PER_PAGE = MAP_BYTES * BLOCKS_PER_BYTE;

  private VisibilityMapPage() {}

  /** The block of the map that holds the bits of a heap block. */
  public static int mapBlock(int heapBlock) {
    return Integer.divideUnsigned(heapBlock, HEAP_BLOCKS_PER_PAGE);
  }

  private static int blockInPage(int heapBlock) {
    return Integer.remainderUnsigned(heapBlock, HEAP_BLOCKS_PER_PAGE);
  }

  private static int byteAt(int heapBlock) {
    return Page.HEADER_BYTES + blockInPage(heapBlock) / BLOCKS_PER_BYTE;
  }

  private static int shift(int heapBlock) {
    return blockInPage(heapBlock) % BLOCKS_PER_BYTE * BITS_PER_BLOCK;
  }

  public static int bits(byte[] page, int heapBlock) {
    return (page[byteAt(heapBlock)] >> shift(heapBlock)) & VALID_BITS;
  }

  /**
   * Sets bits; those that are set already stay.
   *
   * @return whether the block's bits were other than these
   */
  public static boolean set(byte[] page, int heapBlock, int bits) {
    if (bits(page, heapBlock) == bits) {
      return false;
    }
    page[byteAt(heapBlock)] |= (byte) (bits << shift(heapBlock));
    return true;
  }

  /**
   * Clears bits.
   *
   * @return whether one of them was set
   */
  public static boolean clear(byte[] page, int heapBlock, int bits) {
    boolean changed = (bits(page, heapBlock) & bits) != 0;
    page[byteAt(heapBlock)] &= (byte) ~(bits << shift(heapBlock));
    return changed;
  }

  /** {@code visibilitymap_prepare_truncate}: clears all bits of that heap block and later ones. */
  public static void clearFrom(byte[] page, int heapBlock) {
    int at = byteAt(heapBlock);
    Arrays.fill(page, at + 1, Page.SIZE_BYTES, (byte) 0);
    page[at] &= (byte) ((1 << shift(heapBlock)) - 1);
  }
}
