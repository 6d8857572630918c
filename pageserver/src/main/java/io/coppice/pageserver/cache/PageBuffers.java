package io.coppice.pageserver.cache;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * Arrays for pages that are all done with at one moment, and are used again then: still in the
 * processor's caches, which a new array never is. One owner.
 */
public final class PageBuffers implements Supplier<byte[]> {
  private static final int PAGE_SIZE_BYTES = 8192;

  /** More than that are let go, so that one large request does not hold memory for good. */
  private static final int KEPT_MAX = 32;

  private final List<byte[]> kept = new ArrayList<>();
  private int taken;

  /** An array of a page's size, with anything in it. */
  @Override
  public byte[] get() {
    if (taken < kept.size()) {
      return kept.get(taken++);
    }
    byte[] page = new byte[PAGE_SIZE_BYTES];
    if (kept.size() < KEPT_MAX) {
      kept.add(page);
      taken++;
    }
    return page;
  }

  /** Nobody looks any more at an array that was taken. */
  public void reuse() {
    taken = 0;
  }
}
