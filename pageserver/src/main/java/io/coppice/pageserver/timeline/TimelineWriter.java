package io.coppice.pageserver.timeline;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.key.Key;
import java.util.Optional;

/**
 * The one way by which values get into a timeline after its import. A timeline has one writer; its
 * owner is one thread at a time.
 *
 * <p>The values of one record are put, then {@link #endRecord} says that they are all; {@link
 * #publish} makes a batch of records readable. The records come in LSN order.
 */
public interface TimelineWriter {

  /**
   * Adds a value, visible to others once {@link Timeline#lastRecordLsn} reaches its LSN. The bytes
   * are copied. Blocks while flushing is behind.
   *
   * <p>A key has at most one value at one LSN. A complete value (an image, or anything else that
   * needs nothing older) that is put again at the same LSN replaces the earlier one; a second value
   * that is not complete would lose the first and is an invariant violation.
   *
   * @param lsn end of the record that is the cause; after {@code lastRecordLsn}, and not below an
   *     LSN put before
   * @param value its kind byte, then its payload; a kind byte alone, of an image, says deleted
   */
  void put(Key key, Lsn lsn, byte[] value, int offset, int length) throws StorageException;

  /**
   * Forgets what was put since the last {@link #endRecord}, and publishes what was ended. To be
   * called after a failure, before the same WAL is read again.
   */
  void discardRecord();

  /** As {@link Timeline#get} at the newest state, which includes what is not yet published. */
  Optional<byte[]> getLatest(Key key) throws StorageException;

  /** As {@link Timeline#scan} at the newest state, which includes what is not yet published. */
  void scanLatest(Key from, Key toExclusive, KeyValueConsumer out) throws StorageException;

  /**
   * Ends a record: all values at or before {@code end} have been put. They stay, and can be read
   * once {@link #publish} is called, at the latest before the writer waits for more records.
   */
  void endRecord(Lsn start, Lsn end) throws StorageException;

  /**
   * Publishes what was ended: {@code lastRecordLsn} becomes the end of the last of these records,
   * and those who waited for it wake. Does nothing if there is none.
   */
  void publish() throws StorageException;

  /** Ends a record and publishes it. */
  default void finishRecord(Lsn start, Lsn end) throws StorageException {
    endRecord(start, end);
    publish();
  }
}
