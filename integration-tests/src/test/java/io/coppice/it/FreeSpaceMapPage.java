package io.coppice.it;

import java.util.Optional;

/**
 * Checks a page of a free-space map ({@code fsm_internals.h}): a header, then a 4-byte slot number,
 * then a binary tree of one-byte categories of which the last {@value #SLOTS} are leaves. On the
 * lowest level each leaf is a heap block; pages of upper levels come before those below them.
 */
final class FreeSpaceMapPage {
  private static final int HEADER_BYTES = 24;
  private static final int TREE_AT = HEADER_BYTES + 4;
  private static final int INNER_NODES = 4095;
  private static final int SLOTS = 4069;
  private static final int UPPER_LEVELS = 2;

  private FreeSpaceMapPage() {}

  /** What is wrong with it, if anything. */
  static Optional<String> problem(byte[] page, int block, int heapBlocks) {
    boolean isNew = page[14] == 0 && page[15] == 0;
    if (isNew) {
      return Optional.empty();
    }
    int sizeAndVersion = u16(page, 18);
    if (sizeAndVersion != (page.length | 4)
        || u16(page, 12) < HEADER_BYTES
        || u16(page, 12) > u16(page, 14)
        || u16(page, 14) > page.length) {
      return Optional.of("block %d has a damaged header".formatted(block));
    }
    long firstHeapBlock = firstHeapBlock(block);
    if (firstHeapBlock < 0) {
      return Optional.empty();
    }
    for (int slot = 0; slot < SLOTS; slot++) {
      int category = page[TREE_AT + INNER_NODES + slot] & 0xFF;
      if (category != 0 && firstHeapBlock + slot >= heapBlocks) {
        return Optional.of(
            "block %d claims free space in heap block %d, of %d"
                .formatted(block, firstHeapBlock + slot, heapBlocks));
      }
    }
    return Optional.empty();
  }

  /** The heap block of the first leaf; negative if this page is not of the lowest level. */
  static long firstHeapBlock(int block) {
    // Block 0 is the root, 1 the first of the middle level, and then come SLOTS of the lowest.
    int inMiddle = (block - 1) % (SLOTS + 1);
    int middle = (block - 1) / (SLOTS + 1);
    if (block < UPPER_LEVELS || inMiddle == 0 || middle >= SLOTS) {
      return -1;
    }
    return ((long) middle * SLOTS + inMiddle - 1) * SLOTS;
  }

  private static int u16(byte[] page, int at) {
    return (page[at] & 0xFF) | (page[at + 1] & 0xFF) << 8;
  }
}
