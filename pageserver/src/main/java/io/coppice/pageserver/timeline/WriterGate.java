package io.coppice.pageserver.timeline;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * Keeps the writer and those who roll its layer from the outside apart, at the price of one
 * uncontended exchange for each batch of records. The writer is in between its first put and their
 * publishing. Not owned by a thread: a writer may move from one to another.
 */
final class WriterGate {
  private static final int FREE = 0;
  private static final int WRITING = 1;
  private static final int CLOSED = 2;

  private final AtomicInteger state = new AtomicInteger(FREE);

  /** The writer's: goes in unless the gate is closed. */
  boolean tryEnter() {
    return state.compareAndSet(FREE, WRITING);
  }

  /** The writer's: goes out. */
  void leave() {
    state.setRelease(FREE);
  }

  /** Keeps the writer out, unless it is in. */
  boolean tryClose() {
    return state.compareAndSet(FREE, CLOSED);
  }

  void reopen() {
    state.setRelease(FREE);
  }
}
