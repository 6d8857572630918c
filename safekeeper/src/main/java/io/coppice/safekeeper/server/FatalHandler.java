package io.coppice.safekeeper.server;

/** What to do when a safekeeper cannot go on: a disk failed, or an invariant does not hold. */
@FunctionalInterface
public interface FatalHandler {

  /**
   * Called once, by a thread of the safekeeper, after it has stopped acknowledging. A process of
   * its own ends itself here.
   */
  void stopNode(Throwable cause);
}
