package io.coppice.pageserver.timeline;

import io.coppice.common.error.StorageException;
import io.coppice.common.key.Key;

/**
 * Bulk load of a whole timeline at one LSN, straight into image layers. Not thread safe. Closing
 * without {@link #finish} undoes it.
 */
public interface ImageImport extends AutoCloseable {

  /**
   * Adds the value of a key.
   *
   * @param key above every key put before
   * @param value its kind byte (an image), then its payload; copied
   */
  void put(Key key, byte[] value, int offset, int length) throws StorageException;

  /** Makes the import durable and the timeline visible, and returns it. */
  Timeline finish() throws StorageException;

  @Override
  void close();
}
