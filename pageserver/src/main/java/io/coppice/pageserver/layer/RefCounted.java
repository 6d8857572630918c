package io.coppice.pageserver.layer;

import io.coppice.common.error.Invariant;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Something whose memory or file must outlive those who are reading it. Begins with one reference,
 * its owner's; disposed of when the last is given back.
 */
public abstract class RefCounted {
  private final AtomicInteger references = new AtomicInteger(1);

  /** Takes a reference, unless the last is already gone. */
  public final boolean tryRetain() {
    while (true) {
      int count = references.get();
      if (count == 0) {
        return false;
      }
      if (references.compareAndSet(count, count + 1)) {
        return true;
      }
    }
  }

  /** Takes another reference; the caller has one, or is under the owner's. */
  public final void retain() {
    Invariant.check(tryRetain(), "%s was used after it was disposed of", this);
  }

  /** Gives a reference back. */
  public final void release() {
    int left = references.decrementAndGet();
    Invariant.check(left >= 0, "%s was released too often", this);
    if (left == 0) {
      dispose();
    }
  }

  /** Frees what is held. Called once. */
  protected abstract void dispose();
}
