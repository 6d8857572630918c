package io.coppice.pageserver.ingest;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.key.Key;
import io.coppice.pageserver.timeline.KeyValueConsumer;
import io.coppice.pageserver.timeline.TimelineKeys;
import io.coppice.pageserver.timeline.TimelineWriter;
import io.coppice.postgres.redo.ByteSink;
import io.coppice.postgres.redo.StoredValues;
import java.util.Optional;

/** The timeline's writer at the LSN of the record at hand, and a buffer to encode values into. */
final class ValueSink {
  private static final byte[] NO_BYTES = new byte[0];

  private final TimelineWriter writer;
  private final ByteSink scratch = new ByteSink();
  private Lsn lsn = Lsn.INVALID;

  ValueSink(TimelineWriter writer) {
    this.writer = writer;
  }

  /** All that follows is of the record that ends there. */
  void begin(Lsn end) {
    lsn = end;
  }

  Lsn lsn() {
    return lsn;
  }

  /** Where a value is encoded for {@link #put}. */
  ByteSink scratch() {
    return scratch;
  }

  /** Puts what is in the buffer. */
  void put(Key key) throws StorageException {
    writer.put(key, lsn, scratch.bytes(), 0, scratch.length());
  }

  void putZeroPage(Key key) throws StorageException {
    StoredValues.encodeZeroPage(scratch);
    put(key);
  }

  /**
   * Puts a page of zeros for the record at hand to change. It goes one byte before the record's
   * end, where no value of another record can be, because a key has one value at one LSN; so it
   * must come before all values of the record.
   */
  void putZeroPageUnderRecord(Key key) throws StorageException {
    StoredValues.encodeZeroPage(scratch);
    writer.put(key, lsn.plus(-1), scratch.bytes(), 0, scratch.length());
  }

  /** Puts a whole value. */
  void putImage(Key key, byte[] value) throws StorageException {
    StoredValues.encodeImage(scratch, value, 0, value.length);
    put(key);
  }

  void delete(Key key) throws StorageException {
    putImage(key, NO_BYTES);
  }

  /** The newest value, also if the record at hand put it. */
  Optional<byte[]> latest(Key key) throws StorageException {
    return writer.getLatest(key);
  }

  void scan(TimelineKeys.Range range, KeyValueConsumer out) throws StorageException {
    writer.scanLatest(range.from(), range.toExclusive(), out);
  }
}
