package io.coppice.pageserver.layer;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.key.Key;
import java.nio.ByteBuffer;
import org.rocksdb.RocksDBException;
import org.rocksdb.SstFileReaderIterator;

/** An iterator of one layer file. Used by one reader at a time, with the reader's buffers. */
final class SstCursor implements AutoCloseable {
  private final SstLayer layer;
  private final SstFileReaderIterator iterator;

  private final boolean ownsReference;

  // Of the entry that the iterator is at, once it was read: how many versions, and which is next.
  private int count;
  private int version;

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
    while (hasVersion()) {
      VersionRun versions = versions(buffers);
      while (version < count) {
        long foundLsn = versions.lsn(version);
        if (Long.compareUnsigned(foundLsn, floor) <= 0) {
          return;
        }
        if (!into.reaches(foundLsn)) {
          into.add(foundLsn, versions.value(version));
          if (into.isComplete()) {
            return;
          }
        }
        version++;
      }
      nextEntry();
    }
  }

  /** Goes to the newest version of a key at or before an LSN, or to what follows it in the file. */
  void seek(EntryBuffers buffers, Key key, long lsn) throws StorageException {
    LayerKeys.encode(buffers.seekKey, key, lsn);
    iterator.seek(buffers.seekKey);
    count = 0;
    version = 0;
    if (hasVersion()) {
      VersionRun versions = versions(buffers);
      if (LayerKeys.isSameKey(buffers.foundKey, buffers.seekKey)) {
        version = versions.newestAtOrBefore(lsn);
      }
    }
  }

  void next() {
    if (version + 1 < count) {
      version++;
    } else {
      nextEntry();
    }
  }

  private void nextEntry() {
    iterator.next();
    count = 0;
    version = 0;
  }

  /** Whether there is a version here; if not, that it is the end and not damage. */
  boolean hasVersion() throws StorageException {
    if (count > 0 || iterator.isValid()) {
      return true;
    }
    try {
      iterator.status();
      return false;
    } catch (RocksDBException e) {
      throw layer.failed(e);
    }
  }

  /** Reads the version's key and LSN into the buffer for what is found, and returns the LSN. */
  long readKey(EntryBuffers buffers) throws StorageException {
    long lsn = versions(buffers).lsn(version);
    LayerKeys.setLsn(buffers.foundKey, lsn);
    return lsn;
  }

  /** The version's value; valid until the next call. */
  ByteBuffer readValue(EntryBuffers buffers) throws StorageException {
    return versions(buffers).value(version);
  }

  /** The versions of the entry here, read now if they are not in the buffers any more. */
  private VersionRun versions(EntryBuffers buffers) throws StorageException {
    if (count == 0 || buffers.readBy != this) {
      buffers.readBy = null;
      readEntry(buffers);
      buffers.readBy = this;
      count = buffers.versions.count();
    }
    return buffers.versions;
  }

  private void readEntry(EntryBuffers buffers) throws StorageException {
    int length = iterator.key(buffers.foundKey.clear());
    if (length != LayerKeys.SIZE_BYTES) {
      throw new StorageException.Corrupt(
          "layer file %s has a key of %d bytes".formatted(layer, length));
    }
    ByteBuffer value = value(buffers);
    long lsn = LayerKeys.lsn(buffers.foundKey);
    if (!layer.hasRuns() || LayerIdentity.isKey(buffers.foundKey)) {
      buffers.versions.setSingle(value, lsn);
      return;
    }
    try {
      buffers.versions.decode(value, lsn);
    } catch (VersionRun.Malformed e) {
      throw new StorageException.Corrupt(
          "layer file %s, key %s at %s: an entry has %s"
              .formatted(layer, LayerKeys.key(buffers.foundKey), new Lsn(lsn), e.getMessage()),
          e);
    }
  }

  private ByteBuffer value(EntryBuffers buffers) {
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
