package io.coppice.pageserver.timeline;

import io.coppice.common.error.StorageException;
import org.jspecify.annotations.Nullable;

/** What {@link Timeline#onLsn} calls, exactly once unless cancelled. */
@FunctionalInterface
public interface LsnCallback {
  /**
   * The wait is over.
   *
   * @param failure null if the LSN was reached; else why it never will be here
   */
  void done(@Nullable StorageException failure);
}
