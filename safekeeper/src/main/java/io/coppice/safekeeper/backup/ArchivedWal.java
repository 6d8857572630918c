package io.coppice.safekeeper.backup;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.safekeeper.wal.TimelineStorage;
import io.coppice.safekeeper.wal.WalReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Reads WAL that is in the object store, each block checked before a byte of it is given out. One
 * segment at a time is kept in a file of the timeline's directory. Not thread safe.
 */
public final class ArchivedWal implements AutoCloseable {
  private final WalObjects objects;
  private final TimelineStorage storage;
  private final int segmentSizeBytes;

  private Lsn fetched = Lsn.INVALID;
  private @Nullable Path directory;
  private @Nullable WalReader reader;

  public ArchivedWal(ObjectStore store, TimelineStorage storage) {
    this.objects = new WalObjects(store, storage.stored().properties());
    this.storage = storage;
    this.segmentSizeBytes = storage.stored().properties().walSegmentSizeBytes();
  }

  /** Whether the segment that holds {@code lsn} is there. */
  public boolean has(Lsn lsn) throws StorageException {
    return objects.hasSegment(lsn);
  }

  /**
   * Reads, within one segment, into all that {@code into} has room for or less.
   *
   * @throws StorageException.Corrupt if an object is missing, or a block of it damaged
   * @throws StorageException.Transient if the store does not answer
   */
  public int read(Lsn from, ByteBuffer into) throws StorageException {
    Lsn segment = objects.segmentStart(from);
    try {
      WalReader open = reader;
      if (open == null || !fetched.equals(segment)) {
        open = fetch(from, segment);
      }
      return read(open, from, into);
    } catch (IOException e) {
      throw new StorageException.Transient(
          "cannot fetch %s: %s".formatted(objects.name(from), e), e);
    }
  }

  private int read(WalReader open, Lsn from, ByteBuffer into) throws StorageException {
    try {
      return open.read(from, into);
    } catch (StorageException.Corrupt damage) {
      throw new StorageException.Corrupt(
          "object %s, expanded: %s".formatted(objects.name(from), damage.getMessage()), damage);
    }
  }

  private WalReader fetch(Lsn from, Lsn segment) throws StorageException, IOException {
    close();
    Path into = storage.newExchange();
    directory = into;
    objects.fetch(from, into);
    WalReader opened = WalReader.ofDirectory(into, segmentSizeBytes);
    reader = opened;
    fetched = segment;
    return opened;
  }

  /** Deletes what was fetched. */
  @Override
  public void close() throws IOException {
    WalReader open = reader;
    Path files = directory;
    reader = null;
    directory = null;
    if (open != null) {
      open.close();
    }
    if (files != null) {
      TimelineStorage.deleteExchange(files);
    }
  }
}
