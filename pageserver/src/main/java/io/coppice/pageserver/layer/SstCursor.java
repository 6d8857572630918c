package io.coppice.pageserver.layer;

import io.coppice.common.error.StorageException;
import io.coppice.common.key.Key;
import java.nio.ByteBuffer;
import org.rocksdb.RocksDBException;
import org.rocksdb.SstFileReaderIterator;

/** An iterator of one layer file. Used by one reader at a time, with the reader's buffers. */
final class SstCursor implements AutoCloseable {
  private final SstLayer layer;
  private final SstFileReaderIterator iterator;

  private final boolean ownsReference;

  /**
   * @param ownsReference whether closing it releases a reference to the file
   */
  SstCursor(SstLayer layer, SstFileReaderIterator iterator, boolean ownsReference) {
    this.layer = layer;
    this.iterator = iterator;
    this.ownsReference = ownsReference;
  }

  /** The file it is of. */
  SstLayer layer() {
    return layer;
  }

  /** As {@link OpenLayer#collect}. */
  void collect(EntryBuffers buffers, Key key, long lsn, long floor, VersionList into)
      throws StorageException {
    seek(buffers, key, lsn);
    while (hasEntry()) {
      long foundLsn = readKey(buffers);
      if (Long.compareUnsigned(foundLsn, floor) <= 0) {
        return;
      }
      if (!into.reaches(foundLsn)) {
        into.add(foundLsn, readValue(buffers));
        if (into.isComplete()) {
          return;
        }
      }
      iterator.next();
    }
  }

  /** Goes to the newest version of a key at or before an LSN, or to what follows it in the file. */
  void seek(EntryBuffers buffers, Key key, long lsn) {
    LayerKeys.encode(buffers.seekKey, key, lsn);
    iterator.seek(buffers.seekKey);
  }

  void next() {
    iterator.next();
  }

  /** Whether there is an entry here; if not, that it is the end and not damage. */
  boolean hasEntry() throws StorageException {
    if (iterator.isValid()) {
      return true;
    }
    try {
      iterator.status();
      return false;
    } catch (RocksDBException e) {
      throw layer.failed(e);
    }
  }

  /** Reads the entry's key, and returns its LSN. */
  long readKey(EntryBuffers buffers) throws StorageException {
    int length = iterator.key(buffers.foundKey.clear());
    if (length != LayerKeys.SIZE_BYTES) {
      throw new StorageException.Corrupt(
          "layer file %s has a key of %d bytes".formatted(layer, length));
    }
    return LayerKeys.lsn(buffers.foundKey);
  }

  /** The entry's value; valid until the next call. */
  ByteBuffer readValue(EntryBuffers buffers) {
    ByteBuffer value = buffers.value();
    int length = iterator.value(value);
    if (length > value.capacity()) {
      value = buffers.value(length);
      length = iterator.value(value);
    }
    return value.position(0).limit(length);
  }

  @Override
  public void close() {
    iterator.close();
    if (ownsReference) {
      layer.release();
    }
  }
}
