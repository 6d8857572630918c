package io.coppice.postgres.verify;

import io.coppice.postgres.wal.WalRecord;

/** Is shown records and the pages that they are applied to; to collect samples of real WAL. */
@FunctionalInterface
public interface RedoObserver {
  /** Looks at nothing. */
  RedoObserver NONE = (_, _, _) -> {};

  /**
   * A record is about to be applied to one of its blocks.
   *
   * @param record valid only during the call, as {@code page} is; neither is to be changed
   */
  void before(WalRecord record, int blockId, byte[] page);
}
