package io.coppice.postgres.redo;

import io.coppice.postgres.page.VisibilityMapPage;

/** What redo of heap records does to a page of the visibility map that is among their blocks. */
final class HeapVisibility {
  private HeapVisibility() {}

  /** The page's LSN moves only if a bit was set ({@code visibilitymap_clear_locked}). */
  static RedoOutcome clear(byte[] map, int heapBlock, int bits) {
    return VisibilityMapPage.clear(map, heapBlock, bits)
        ? RedoOutcome.CHANGED
        : RedoOutcome.UNCHANGED;
  }
}
