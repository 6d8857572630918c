package io.coppice.pageserver.layer;

import io.coppice.common.error.StorageException;
import org.jspecify.annotations.Nullable;

/**
 * The keys that one layer has in a range, ascending, each with its newest version at or before the
 * LSN of the scan. Not thread safe.
 */
public interface ScanSource extends AutoCloseable {
  /** The next key's version; null at the end. */
  @Nullable VersionedValue next() throws StorageException;

  @Override
  void close();
}
