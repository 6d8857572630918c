package io.coppice.pageserver.timeline;

import io.coppice.common.error.StorageException;

/** What must have been done before something is; if it fails, that is not done. */
@FunctionalInterface
public interface Precaution {
  void take() throws StorageException;
}
