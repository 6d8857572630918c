package io.coppice.pageserver.remote;

import io.coppice.common.error.StorageException;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The index of an open timeline, and the only one who saves it: changes are made one after the
 * other, each to what the one before left, and are seen once they are durable. Thread safe.
 *
 * <p>If saving fails nobody knows whether the store has the new index. What is seen is the old one,
 * and the next change is made to that and saved even if it changes nothing. So a failed change is
 * either undone by the next one or found at the next start: whoever makes one must bear both.
 */
public final class DurableIndex {
  private final RemoteStore remote;
  private final ReentrantLock changing = new ReentrantLock();
  private boolean closed;
  // A save failed, and none has succeeded since.
  private boolean isUnsure;
  // Whether this start has saved it.
  private boolean isOwn;
  private volatile TimelineIndex current;

  /** A step from one index of the timeline to the next. */
  @FunctionalInterface
  public interface Step {
    /** The index after {@code before}; the same if there is nothing to change. */
    TimelineIndex after(TimelineIndex before) throws StorageException;
  }

  /** Of an index that the object store has. */
  public DurableIndex(RemoteStore remote, TimelineIndex index) {
    this.remote = remote;
    this.current = index;
  }

  /** The index as it is durable. */
  public TimelineIndex current() {
    return current;
  }

  /**
   * Changes the index. Layers that it names are in the object store already. Blocks.
   *
   * @param step called under the lock that keeps changes apart
   * @return the changed index, which is durable
   * @throws StorageException.Transient also if the timeline is closed
   */
  public TimelineIndex change(Step step) throws StorageException {
    changing.lock();
    try {
      TimelineIndex before = current;
      if (closed) {
        throw new StorageException.Transient("timeline " + before.id() + " is closed");
      }
      TimelineIndex next = step.after(before);
      if (isUnsure) {
        // A later start may have read, and go by, what the failed change has stored.
        remote.checkNewest();
      }
      if (isUnsure || !next.equals(before)) {
        isUnsure = true;
        remote.saveIndex(next);
        isUnsure = false;
        isOwn = true;
        current = next;
      }
      return next;
    } finally {
      changing.unlock();
    }
  }

  /**
   * Sees to it that this start has saved the index, as it is. From then on it does not matter what
   * an earlier start, which may not know yet that it was followed, still does to its own one.
   */
  public void claim() throws StorageException {
    changing.lock();
    try {
      if (!isOwn) {
        remote.saveIndex(current);
        isOwn = true;
      }
    } finally {
      changing.unlock();
    }
  }

  /** Has all changes from now on fail, and returns the last one. */
  public TimelineIndex close() {
    changing.lock();
    try {
      closed = true;
      return current;
    } finally {
      changing.unlock();
    }
  }
}
