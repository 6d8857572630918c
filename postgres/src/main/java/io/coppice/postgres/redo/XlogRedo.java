package io.coppice.postgres.redo;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.record.RecordKind;

/**
 * Redo of the resource manager XLOG ({@code xlog.c}), whose only records with blocks are nothing
 * but images of them.
 */
final class XlogRedo implements ResourceManagerRedo {

  @Override
  public RedoOutcome redo(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    return switch (record.info()) {
      // With full_page_writes off, a record about a hint may come without the image.
      case RecordKind.XLOG_FPI_FOR_HINT -> RedoOutcome.UNCHANGED;
      case RecordKind.XLOG_FPI ->
          throw new StorageException.Corrupt("a full-page image record without the image");
      default -> RedoOutcome.UNKNOWN;
    };
  }
}
