package io.coppice.safekeeper.wal;

import io.coppice.common.error.StorageException;
import io.coppice.common.platform.DurableFiles;
import io.coppice.safekeeper.consensus.AcceptorState;
import io.coppice.safekeeper.consensus.DiskFailure;
import io.coppice.safekeeper.consensus.WalStore;
import java.io.IOException;
import java.nio.file.Path;

/**
 * A timeline that is put together aside and takes its place whole: the last step is a rename of its
 * directory. What was not published is deleted, at the latest at the next start.
 */
public final class StagedTimeline implements AutoCloseable {
  private final TimelineStorage storage;
  private final Path staging;
  private final Path place;
  private boolean closed;

  StagedTimeline(TimelineStorage storage, Path staging, Path place) {
    this.storage = storage;
    this.staging = staging;
    this.place = place;
  }

  /** Its log, which begins where the timeline does. */
  public WalStore wal() {
    return storage.wal();
  }

  /**
   * Puts it into its place, durably, with all that was written to its log.
   *
   * @throws StorageException.Transient if there is no room for it
   * @throws DiskFailure if it cannot be known whether it is in its place
   */
  public void publish(AcceptorState state) throws StorageException, DiskFailure {
    storage.wal().flush();
    storage.stateStore().persist(state);
    try {
      closeStorage();
      DurableFiles.renameDurably(staging, place);
    } catch (IOException e) {
      throw new DiskFailure("cannot move %s to %s".formatted(staging, place), e);
    }
  }

  private void closeStorage() throws IOException {
    if (!closed) {
      closed = true;
      storage.close();
    }
  }

  @Override
  public void close() throws IOException {
    closeStorage();
    DataDirectory.deleteTree(staging);
  }
}
