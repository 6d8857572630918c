package io.coppice.safekeeper.consensus;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import java.nio.ByteBuffer;

/** The log of one timeline on one safekeeper. */
public interface WalStore {

  /** Where the log ends, durable or not. */
  Lsn writeLsn();

  /** End of the last whole record that is durable; never above {@link #writeLsn}. */
  Lsn flushLsn();

  /**
   * Appends. Nothing has changed if this throws {@link StorageException.Transient}; after {@link
   * StorageException.Corrupt} (the bytes are not WAL) nothing can be appended before {@link
   * #truncate}.
   *
   * @param begin must be {@link #writeLsn}
   */
  void write(Lsn begin, ByteBuffer data) throws StorageException, DiskFailure;

  /** Makes all that was written durable. */
  void flush() throws DiskFailure;

  /**
   * Cuts the log off, durably, at a record boundary at or below {@link #flushLsn}; it then ends
   * there. A crash on the way leaves a log that ends at {@code end} or later, but no later than
   * before, without holes.
   *
   * @throws StorageException.Corrupt if what is to stay is damaged; nothing has changed
   */
  void truncate(Lsn end) throws StorageException.Corrupt, DiskFailure;
}
