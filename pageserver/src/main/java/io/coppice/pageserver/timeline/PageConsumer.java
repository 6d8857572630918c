package io.coppice.pageserver.timeline;

import io.coppice.common.error.StorageException;
import io.coppice.common.key.Key;
import org.jspecify.annotations.Nullable;

/** Takes the answers of a batch read, one call for each key asked for, in the order asked. */
@FunctionalInterface
public interface PageConsumer {
  /**
   * One answer.
   *
   * @param index position of the key in the request
   * @param page 8192 bytes that are the consumer's to keep; null if nothing was ever written there
   */
  void accept(int index, Key key, byte @Nullable [] page) throws StorageException;
}
