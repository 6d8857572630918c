package io.coppice.safekeeper.wal;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.platform.DurableFiles;
import io.coppice.safekeeper.consensus.AcceptorState;
import io.coppice.safekeeper.consensus.AcceptorStateStore;
import io.coppice.safekeeper.consensus.DiskFailure;
import io.coppice.safekeeper.consensus.TimelineProperties;
import io.coppice.safekeeper.consensus.WalStore;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The directory of one timeline: {@code control}, {@code wal/}, and for a while what is on its way
 * to or from the object store, in {@code exchange/}. Nothing is created before the first state is
 * persisted.
 */
public final class TimelineStorage implements AutoCloseable {
  private static final String CONTROL_FILE = "control";
  private static final String WAL_DIRECTORY = "wal";
  private static final String EXCHANGE_DIRECTORY = "exchange";

  private final Path directory;
  private final AcceptorState stored;
  private final ControlFileStore control;
  private final FileWalStore wal;
  private final LogShare share;
  private final AtomicLong exchanges = new AtomicLong();
  private boolean closed;

  private TimelineStorage(
      Path directory,
      AcceptorState stored,
      ControlFileStore control,
      FileWalStore wal,
      LogShare share) {
    this.directory = directory;
    this.stored = stored;
    this.control = control;
    this.wal = wal;
    this.share = share;
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

  /**
   * Storage for a timeline that is not there yet, whose log is copied from another safekeeper.
   *
   * @param copied the state that it will have
   */
  static TimelineStorage createCopy(Path directory, AcceptorState copied, Executor creator)
      throws StorageException, IOException {
    TimelineProperties properties = copied.properties();
    LogShare share = new LogShare();
    Lsn localStart = copied.retention().localStartLsn();
    boolean isWhole = localStart.equals(properties.startLsn());
    FileWalStore wal =
        FileWalStore.openCopy(
            segments(directory, properties),
            properties,
            localStart,
            isWhole ? localStart : copied.commitLsn(),
            creator,
            share);
    ControlFileStore control = new ControlFileStore(directory.resolve(CONTROL_FILE));
    return new TimelineStorage(directory, copied, control, wal, share);
  }

  private static TimelineStorage with(
      Path directory,
      AcceptorState state,
      ControlFileStore control,
      Executor creator,
      LogShare share)
      throws StorageException, IOException {
    TimelineProperties properties = state.properties();
    DataDirectory.deleteTree(directory.resolve(EXCHANGE_DIRECTORY));
    Lsn localStart = state.retention().localStartLsn();
    share.keepFrom(localStart);
    FileWalStore wal =
        FileWalStore.open(
            segments(directory, properties),
            properties,
            localStart,
            state.commitLsn(),
            creator,
            share);
    return new TimelineStorage(directory, state, control, wal, share);
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

  /** Copies whole segments for somewhere else. */
  public SegmentCopy newCopy() {
    TimelineProperties properties = stored.properties();
    return new SegmentCopy(segments(directory, properties), share, properties.startLsn());
  }

  /**
   * A new directory for files on their way to or from the object store, to be deleted with {@link
   * #deleteExchange}; those that are left are deleted when the timeline is opened.
   */
  public Path newExchange() throws IOException {
    Path exchange = directory.resolve(EXCHANGE_DIRECTORY);
    try {
      Files.createDirectory(exchange); // without its parents: the timeline may have been moved away
    } catch (FileAlreadyExistsException _) {
      // made before
    }
    return Files.createDirectory(exchange.resolve(Long.toString(exchanges.incrementAndGet())));
  }

  /** Deletes what {@link #newExchange} made, and all in it. */
  public static void deleteExchange(Path made) throws IOException {
    DataDirectory.deleteTree(made);
  }

  /**
   * Deletes the WAL before {@code localStart}, which the stored state says is not here any more.
   * Does nothing once this is closed: another may have taken its place.
   */
  public void removeBefore(Lsn localStart) throws IOException {
    share.removal().lock();
    try {
      if (!closed) {
        share.keepFrom(localStart);
        WalSegments segments = segments(directory, stored.properties());
        segments.deleteBefore(segments.numberOf(localStart));
      }
    } finally {
      share.removal().unlock();
    }
  }

  @Override
  public void close() throws IOException {
    share.removal().lock();
    try {
      closed = true;
    } finally {
      share.removal().unlock();
    }
    wal.close();
  }
}
