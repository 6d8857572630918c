package io.coppice.postgres.redo;

import io.coppice.common.error.StorageException;

/** Redo of the records of one resource manager, for one block at a time. */
interface ResourceManagerRedo {
  /**
   * Applies a record to the block it is stored for.
   *
   * @param page what the block was before; anything if the record makes the page anew
   * @return {@link RedoOutcome#CHANGED} if the page is now as of the record
   * @throws StorageException.Corrupt if the page does not fit the record, or the record itself
   */
  RedoOutcome redo(byte[] page, StoredRecord record) throws StorageException.Corrupt;
}
