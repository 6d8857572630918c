package io.coppice.safekeeper.backup;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.safekeeper.wal.TimelineStorage;
import io.coppice.safekeeper.wal.WalReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Optional;

/**
 * Reads a timeline's WAL wherever it is: what is removed here comes from the object store. What is
 * here is read here, also if it is removed on the way. Not thread safe.
 */
public final class TimelineWalReader implements AutoCloseable {
  private final WalReader local;
  private final Optional<ArchivedWal> archived;

  /**
   * To be closed.
   *
   * @param store empty: what is not here cannot be read
   */
  public TimelineWalReader(TimelineStorage storage, Optional<ObjectStore> store) {
    this.local = storage.newReader();
    this.archived = store.map(known -> new ArchivedWal(known, storage));
  }

  /**
   * Reads, within one segment, into all that {@code into} has room for or less. The caller knows
   * that so much WAL is durable there.
   *
   * @return number of bytes, at least one if there is room
   * @throws StorageException.NotFound if that WAL is not here, and there is no object store
   * @throws StorageException.Corrupt if it is damaged: nothing of it is given out
   * @throws StorageException.Transient if it cannot be read now
   */
  public int read(Lsn from, ByteBuffer into) throws StorageException {
    if (!local.isRemoved(from)) {
      try {
        return local.read(from, into);
      } catch (StorageException.NotFound notHere) {
        if (!local.isRemoved(from)) {
          throw notHere;
        }
      }
    }
    if (archived.isEmpty()) {
      throw new StorageException.NotFound("WAL at %s is not here".formatted(from));
    }
    return archived.get().read(from, into);
  }

  @Override
  public void close() throws IOException {
    local.close();
    if (archived.isPresent()) {
      archived.get().close();
    }
  }
}
