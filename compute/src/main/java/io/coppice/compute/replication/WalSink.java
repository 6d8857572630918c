package io.coppice.compute.replication;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;

/** Takes WAL as it comes. */
public interface WalSink {

  /**
   * The next WAL. May wait, which holds Postgres back.
   *
   * @param begin where the last call's ended
   * @param bytes the sink's own from now on
   * @param serverEnd how far Postgres's own WAL is flushed
   */
  void take(Lsn begin, byte[] bytes, Lsn serverEnd) throws StorageException, InterruptedException;
}
