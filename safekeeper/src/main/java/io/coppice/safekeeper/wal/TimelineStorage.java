package io.coppice.safekeeper.wal;

import io.coppice.common.error.StorageException;
import io.coppice.common.platform.DurableFiles;
import io.coppice.safekeeper.consensus.AcceptorState;
import io.coppice.safekeeper.consensus.AcceptorStateStore;
import io.coppice.safekeeper.consensus.DiskFailure;
import io.coppice.safekeeper.consensus.TimelineProperties;
import io.coppice.safekeeper.consensus.WalStore;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Executor;

/**
 * The directory of one timeline: {@code control} and {@code wal/}. Nothing is created before the
 * first state is persisted.
 */
public final class TimelineStorage implements AutoCloseable {
  private static final String CONTROL_FILE = "control";
  private static final String WAL_DIRECTORY = "wal";

  private final Path directory;
  private final AcceptorState stored;
  private final ControlFileStore control;
  private final FileWalStore wal;

  private TimelineStorage(
      Path directory, AcceptorState stored, ControlFileStore control, FileWalStore wal) {
    this.directory = directory;
    this.stored = stored;
    this.control = control;
    this.wal = wal;
  }

  /**
   * Opens a timeline that is there; empty if it is not.
   *
   * @param creator runs what creates segments ahead of need
   * @param share with those who read the same log
   */
  static Optional<TimelineStorage> open(Path directory, Executor creator, LogShare share)
      throws StorageException, IOException {
    ControlFileStore control = new ControlFileStore(directory.resolve(CONTROL_FILE));
    Optional<AcceptorState> stored = control.load();
    if (stored.isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(with(directory, stored.get(), control, creator, share));
  }

  /** The stored state alone, without a look at the WAL; empty if the timeline is not there. */
  static Optional<AcceptorState> peek(Path directory) throws StorageException, IOException {
    return new ControlFileStore(directory.resolve(CONTROL_FILE)).load();
  }

  /** Storage for a timeline that is not there yet. */
  static TimelineStorage create(
      Path directory, AcceptorState initial, Executor creator, LogShare share)
      throws StorageException, IOException {
    ControlFileStore control = new ControlFileStore(directory.resolve(CONTROL_FILE));
    return with(directory, initial, control, creator, share);
  }

  private static TimelineStorage with(
      Path directory,
      AcceptorState state,
      ControlFileStore control,
      Executor creator,
      LogShare share)
      throws StorageException, IOException {
    TimelineProperties properties = state.properties();
    FileWalStore wal =
        FileWalStore.open(
            segments(directory, properties), properties, state.commitLsn(), creator, share);
    return new TimelineStorage(directory, state, control, wal);
  }

  /** The segments of the timeline in {@code directory}. */
  static WalSegments segments(Path directory, TimelineProperties properties) {
    return new WalSegments(directory.resolve(WAL_DIRECTORY), properties.walSegmentSizeBytes());
  }

  /** The state found on disk, or the initial one. */
  public AcceptorState stored() {
    return stored;
  }

  public AcceptorStateStore stateStore() {
    return this::persist;
  }

  /** A commit LSN is written down only once the log below has durable checksums. */
  private void persist(AcceptorState state) throws StorageException.Transient, DiskFailure {
    wal.syncChecksums();
    try {
      DurableFiles.createDirectories(directory);
    } catch (IOException e) {
      // What names a file is the creation that failed; what does not is a sync, after it.
      if (e instanceof FileSystemException && DiskFull.isCauseOf(e)) {
        throw new StorageException.Transient("no room for " + directory, e);
      }
      throw new DiskFailure("cannot create " + directory, e);
    }
    control.persist(state);
  }

  public WalStore wal() {
    return wal;
  }

  /** A reader of the WAL, for one other thread. */
  public WalReader newReader() {
    return wal.newReader();
  }

  @Override
  public void close() throws IOException {
    wal.close();
  }
}
