package io.coppice.pageserver.layer;

import io.coppice.common.error.Invariant;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.key.Key;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;
import org.rocksdb.RocksDBException;
import org.rocksdb.SstFileReader;
import org.rocksdb.Status;

/**
 * An open layer file. Thread safe; closed with its last reader, who has a reference, or when its
 * {@link LayerHandle} lets go of it.
 *
 * <p>Every block is checked against its checksum when it is read, and the file against what it says
 * of itself when it is opened; the checksum of the whole file was checked when it came here.
 */
final class SstLayer extends RefCounted {
  private static final int POOLED_CURSORS_MAX = 4;

  private final Path file;
  private final LayerEnvironment environment;
  private final SstFileReader reader;
  private final Deque<SstCursor> pool = new ArrayDeque<>();
  private boolean closed;
  private int borrowedCount;
  private boolean hasRuns;
  private long versionCount;

  private SstLayer(Path file, LayerEnvironment environment, SstFileReader reader) {
    this.file = file;
    this.environment = environment;
    this.reader = reader;
  }

  /** Opens a file and checks that it is the layer that is wanted. */
  static SstLayer open(
      LayerEnvironment environment, TenantTimelineId owner, LayerDescriptor wanted, Path file)
      throws StorageException {
    SstFileReader reader =
        new SstFileReader(environment.options(wanted.name().kind(), wanted.level()));
    SstLayer layer = new SstLayer(file, environment, reader);
    try {
      reader.open(file.toString());
      layer.checkIdentity(owner, wanted);
      return layer;
    } catch (RocksDBException e) {
      layer.release();
      throw layer.failed(e);
    } catch (StorageException e) {
      layer.release();
      throw e;
    }
  }

  private void checkIdentity(TenantTimelineId owner, LayerDescriptor wanted)
      throws StorageException, RocksDBException {
    LayerIdentity identity = readIdentity();
    if (!identity.owner().equals(owner) || !identity.name().equals(wanted.name())) {
      throw new StorageException.Corrupt(
          "layer file %s is not %s of %s but %s of %s"
              .formatted(file, wanted.name(), owner, identity.name(), identity.owner()));
    }
    long entryCount = reader.getTableProperties().getNumEntries() - 1;
    if (identity.entryCount() != entryCount) {
      throw new StorageException.Corrupt(
          "layer file %s has %d entries instead of %d"
              .formatted(file, entryCount, identity.entryCount()));
    }
    hasRuns = identity.hasRuns();
    versionCount = identity.versionCount();
  }

  private LayerIdentity readIdentity() throws StorageException {
    EntryBuffers buffers = new EntryBuffers();
    try (SstCursor cursor = rangeCursor()) {
      cursor.seek(buffers, new Key(0xFF, -1, -1, -1, 0xFF, -1), 0);
      if (!cursor.hasVersion()) {
        throw new StorageException.Corrupt("has no identity of a layer file");
      }
      cursor.readKey(buffers);
      ByteBuffer value = cursor.readValue(buffers);
      byte[] bytes = new byte[value.remaining()];
      value.get(bytes);
      return LayerIdentity.decode(bytes);
    } catch (StorageException.Corrupt e) {
      throw new StorageException.Corrupt("layer file %s: %s".formatted(file, e.getMessage()), e);
    }
  }

  /** A cursor within single keys; to be given back. */
  SstCursor borrow() {
    synchronized (pool) {
      borrowedCount++;
      SstCursor pooled = pool.pollFirst();
      if (pooled != null) {
        return pooled;
      }
    }
    return new SstCursor(this, reader.newIterator(environment.pointReads()), false);
  }

  void giveBack(SstCursor cursor) {
    synchronized (pool) {
      borrowedCount--;
      if (!closed && pool.size() < POOLED_CURSORS_MAX) {
        pool.addFirst(cursor);
        return;
      }
    }
    cursor.close();
  }

  private SstCursor rangeCursor() {
    return new SstCursor(this, reader.newIterator(environment.rangeReads()), false);
  }

  /** Versions that it has. */
  long versionCount() {
    return versionCount;
  }

  /** Whether an entry may have several versions; see {@link VersionRun}. */
  boolean hasRuns() {
    return hasRuns;
  }

  /**
   * A cursor for one pass over all of it, which leaves the cache as it is. Takes over the caller's
   * reference, and releases it when it is closed.
   */
  SstCursor mergeCursor() {
    return new SstCursor(this, reader.newIterator(environment.merges()), true);
  }

  boolean hasKeyIn(Key from, Key toExclusive) throws StorageException {
    EntryBuffers buffers = new EntryBuffers();
    try (SstCursor cursor = rangeCursor()) {
      cursor.seek(buffers, from, -1L);
      if (!cursor.hasVersion()) {
        return false;
      }
      cursor.readKey(buffers);
      return LayerKeys.key(buffers.foundKey).compareTo(toExclusive) < 0;
    }
  }

  /** The keys of a range; see {@link ScanSource}. */
  ScanSource scan(Key from, Key toExclusive, long lsn) throws StorageException {
    SstCursor cursor = rangeCursor();
    try {
      return new Scan(cursor, from, toExclusive, lsn);
    } catch (StorageException e) {
      cursor.close();
      throw e;
    }
  }

  private static final class Scan implements ScanSource {
    private final SstCursor cursor;
    private final EntryBuffers buffers = new EntryBuffers();
    private final Key toExclusive;
    private final long lsn;

    Scan(SstCursor cursor, Key from, Key toExclusive, long lsn) throws StorageException {
      this.cursor = cursor;
      this.toExclusive = toExclusive;
      this.lsn = lsn;
      cursor.seek(buffers, from, -1L);
    }

    @Override
    public @Nullable VersionedValue next() throws StorageException {
      while (cursor.hasVersion()) {
        long foundLsn = cursor.readKey(buffers);
        Key key = LayerKeys.key(buffers.foundKey);
        if (key.compareTo(toExclusive) >= 0) {
          return null;
        }
        if (Long.compareUnsigned(foundLsn, lsn) > 0) {
          cursor.seek(buffers, key, lsn);
        } else {
          ByteBuffer value = cursor.readValue(buffers);
          byte[] bytes = new byte[value.remaining()];
          value.get(bytes);
          skip(key);
          return new VersionedValue(key, new Lsn(foundLsn), bytes);
        }
      }
      return null;
    }

    /** Goes behind the older versions of a key: mostly there is none. */
    private void skip(Key key) throws StorageException {
      cursor.next();
      if (cursor.hasVersion()) {
        cursor.readKey(buffers);
        if (LayerKeys.key(buffers.foundKey).equals(key)) {
          cursor.seek(buffers, key.next(), -1L);
        }
      }
    }

    @Override
    public void close() {
      cursor.close();
    }
  }

  /** Reads everything, so that every block's checksum is checked. */
  void verify() throws StorageException {
    try {
      reader.verifyChecksum();
    } catch (RocksDBException e) {
      throw failed(e);
    }
  }

  StorageException failed(RocksDBException e) {
    Status status = e.getStatus();
    boolean isPassing =
        status != null
            && switch (status.getCode()) {
              case IOError, TimedOut, Aborted, Busy, TryAgain, Incomplete -> true;
              default -> false;
            };
    String message = "layer file %s: %s".formatted(file, e.getMessage());
    return isPassing
        ? new StorageException.Transient(message, e)
        : new StorageException.Corrupt(message, e);
  }

  @Override
  protected void dispose() {
    synchronized (pool) {
      Invariant.check(borrowedCount == 0, "%s is closed while it is read", this);
      closed = true;
      pool.forEach(SstCursor::close);
      pool.clear();
    }
    reader.close();
  }

  @Override
  public String toString() {
    return file.toString();
  }
}
