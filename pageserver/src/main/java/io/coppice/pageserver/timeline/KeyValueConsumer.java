package io.coppice.pageserver.timeline;

import io.coppice.common.error.StorageException;
import io.coppice.common.key.Key;

/** Takes the keys that a scan finds, in key order. */
@FunctionalInterface
public interface KeyValueConsumer {
  /**
   * One key that is there.
   *
   * @param value what was put, without its kind byte; the consumer's to keep
   * @return whether to go on
   */
  boolean accept(Key key, byte[] value) throws StorageException;
}
