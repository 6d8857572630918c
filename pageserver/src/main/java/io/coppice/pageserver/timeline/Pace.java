package io.coppice.pageserver.timeline;

/** How long work that has time goes behind other work. */
@FunctionalInterface
public interface Pace {
  /** Returns when the next few pages may be read. */
  void await() throws InterruptedException;
}
