package io.coppice.pageserver.timeline;

/** A wait for an LSN that can be given up. */
@FunctionalInterface
public interface LsnWait extends AutoCloseable {
  /** Gives up: the callback is not called after this returns, unless it is being called now. */
  @Override
  void close();
}
