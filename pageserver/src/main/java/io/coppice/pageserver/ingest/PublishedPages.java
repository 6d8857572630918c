package io.coppice.pageserver.ingest;

import io.coppice.common.error.StorageException;
import io.coppice.common.key.Key;
import io.coppice.pageserver.timeline.PageConsumer;
import java.util.List;

/** Pages as of the last record that was finished. */
@FunctionalInterface
interface PublishedPages {
  void read(List<Key> keys, PageConsumer out) throws StorageException;
}
