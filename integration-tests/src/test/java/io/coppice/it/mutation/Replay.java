package io.coppice.it.mutation;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.wal.WalRecord;

/** What proves redo, record by record, with classes of its own. */
public interface Replay {
  /** Replays a record; any exception means that something was found. */
  void apply(WalRecord record) throws StorageException;

  /** Whether each block could be replayed. */
  boolean isComplete();
}
