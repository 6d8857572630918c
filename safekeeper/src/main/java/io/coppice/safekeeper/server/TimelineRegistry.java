package io.coppice.safekeeper.server;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.proto.v1.TimelineStatusResponse;
import io.coppice.safekeeper.consensus.Creations;
import io.coppice.safekeeper.consensus.NodeId;
import io.coppice.safekeeper.consensus.Request;
import io.coppice.safekeeper.wal.DataDirectory;
import io.coppice.safekeeper.wal.TimelineStorage;
import java.io.IOException;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The timelines of this node, each opened when it is first asked for. Opening reads files: not for
 * the event loop.
 */
final class TimelineRegistry {
  private static final Logger log = LoggerFactory.getLogger(TimelineRegistry.class);

  /** Timelines open at one time. */
  private static final int OPEN_MAX = 100_000;

  private final DataDirectory directory;
  private final WorkerThreads workers;
  private final Executor creator;
  private final Consumer<TimelineSnapshot> onChange;
  private final Consumer<Throwable> onFatal;
  private final SafekeeperMetrics metrics;

  private final Map<TenantTimelineId, TimelineWorker> open = new HashMap<>();
  private final Map<TenantTimelineId, TimelineSnapshot> dormant = new HashMap<>();
  private final Set<TenantTimelineId> rebuilding = new HashSet<>();
  private boolean stopped;

  TimelineRegistry(
      DataDirectory directory,
      WorkerThreads workers,
      Executor creator,
      Consumer<TimelineSnapshot> onChange,
      Consumer<Throwable> onFatal,
      SafekeeperMetrics metrics) {
    this.directory = directory;
    this.workers = workers;
    this.creator = creator;
    this.onChange = onChange;
    this.onFatal = onFatal;
    this.metrics = metrics;
  }

  NodeId node() {
    return directory.node();
  }

  /**
   * Reads what is on disk of every timeline, for watchers; the logs are looked at only when they
   * are needed. A timeline that is damaged is left out, and logged.
   */
  synchronized void readAll() throws IOException {
    for (TenantTimelineId id : directory.timelines()) {
      try {
        directory
            .peekTimeline(id)
            .ifPresent(state -> dormant.put(id, new TimelineSnapshot(state, state.commitLsn())));
      } catch (StorageException damaged) {
        log.error("timeline {} cannot be read: {}", id, damaged.getMessage());
      }
    }
  }

  /** What watchers are told of a timeline: whether it has a proposer is not news to them. */
  TimelineStatusResponse toProto(TimelineSnapshot snapshot) {
    return snapshot.toProto(node(), damagedBlocks(snapshot), false);
  }

  /**
   * All that can be told of a timeline.
   *
   * @throws StorageException as {@link #open}
   */
  TimelineStatusResponse status(TenantTimelineId id) throws StorageException, IOException {
    TimelineWorker worker = open(id);
    TimelineSnapshot now = worker.snapshot();
    return now.toProto(node(), damagedBlocks(now), worker.hasProposer());
  }

  private long damagedBlocks(TimelineSnapshot snapshot) {
    return directory.damagedBlocks(snapshot.state().properties().id()).size();
  }

  /**
   * What can be checked of a timeline while it goes on: if it is in use, all that is flushed; if
   * not, what no opening would change. Empty if it is gone.
   */
  synchronized Optional<ScrubTarget> scrubTarget(TenantTimelineId id) {
    TimelineWorker worker = open.get(id);
    if (worker != null) {
      TimelineSnapshot now = worker.snapshot();
      return Optional.of(ScrubTarget.of(now.state(), now.flushLsn()));
    }
    return Optional.ofNullable(dormant.get(id))
        .map(TimelineSnapshot::state)
        .map(state -> ScrubTarget.of(state, DataDirectory.blockStart(state.commitLsn())));
  }

  /**
   * Looks at the rest of a timeline that is not in use, which nobody can begin to use meanwhile.
   */
  synchronized void checkTail(TenantTimelineId id) throws StorageException, IOException {
    if (!open.containsKey(id) && !rebuilding.contains(id)) {
      directory.checkTail(id);
    }
  }

  /** The state of every timeline. Of one that is not open the end of the log is not known. */
  synchronized List<TimelineSnapshot> snapshots() {
    return Stream.concat(
            open.values().stream().map(TimelineWorker::snapshot), dormant.values().stream())
        .toList();
  }

  /**
   * The timeline.
   *
   * @throws StorageException.NotFound if it is not here
   * @throws StorageException.Precondition if it was deleted
   */
  synchronized TimelineWorker open(TenantTimelineId id) throws StorageException, IOException {
    checkRunning();
    TimelineWorker known = open.get(id);
    if (known != null) {
      return known;
    }
    checkNotDeleted(id);
    if (rebuilding.contains(id)) {
      throw beingRebuilt(id);
    }
    Optional<TimelineStorage> storage = directory.openTimeline(id, creator);
    if (storage.isEmpty()) {
      throw new StorageException.NotFound(
          "timeline %s is not on safekeeper %s".formatted(id, node()));
    }
    return add(id, storage.get());
  }

  /**
   * The timeline that the proposer greets about; a new one if it is not here and may be made. One
   * of an earlier creation gives way to it: nothing was committed there.
   *
   * @throws StorageException.Precondition if it was deleted
   * @throws StorageException.NotFound if it is not here, or another creation of it, and nobody
   *     knows what this node has promised about it
   * @throws StorageException.Conflict if the proposer is of an earlier creation
   */
  TimelineWorker openOrCreate(Request.Greeting greeting) throws StorageException, IOException {
    TimelineWorker found = openOrMake(greeting);
    TimelineSnapshot now = found.snapshot();
    if (Creations.isMeant(node(), now.state(), now.flushLsn(), greeting)) {
      return found;
    }
    giveWay(greeting.properties().id());
    return openOrMake(greeting);
  }

  private void giveWay(TenantTimelineId id) throws StorageException, IOException {
    startRebuild(id);
    try {
      putAside(id);
      directory.forgetReplaced(id);
    } finally {
      endRebuild(id);
    }
  }

  private synchronized TimelineWorker openOrMake(Request.Greeting greeting)
      throws StorageException, IOException {
    TenantTimelineId id = greeting.properties().id();
    checkNotDeleted(id);
    try {
      return open(id);
    } catch (StorageException.NotFound _) {
      return add(id, directory.createTimeline(Creations.begin(node(), greeting), creator));
    }
  }

  private TimelineWorker add(TenantTimelineId id, TimelineStorage storage) throws StorageException {
    if (open.size() == OPEN_MAX) {
      throw new StorageException.Transient(
          "%d timelines are open on safekeeper %s".formatted(OPEN_MAX, node()));
    }
    TimelineWorker worker =
        new TimelineWorker(node(), storage, workers, onChange, onFatal, metrics);
    open.put(id, worker);
    dormant.remove(id);
    log.info(
        "timeline {} opened: term {}, flush {}, commit {}",
        id,
        worker.snapshot().state().term(),
        worker.snapshot().flushLsn(),
        worker.snapshot().commitLsn());
    onChange.accept(worker.snapshot());
    return worker;
  }

  /**
   * Keeps a timeline that is to be rebuilt from being opened or made, until {@link #endRebuild}.
   * One that is open goes on until {@link #putAside}.
   *
   * @throws StorageException.Conflict if it is being rebuilt
   * @throws StorageException.Precondition if it was deleted
   */
  synchronized void startRebuild(TenantTimelineId id) throws StorageException {
    checkRunning();
    checkNotDeleted(id);
    if (rebuilding.contains(id)) {
      throw new StorageException.Conflict(
          "timeline %s is being rebuilt on safekeeper %s already".formatted(id, node()));
    }
    rebuilding.add(id);
  }

  /**
   * That a timeline is not here, or only an earlier creation of it: WAL is committed in the newest
   * that began, so a later one makes the peers that were asked the ones that are late.
   *
   * @throws StorageException.Conflict if it is, damaged or not
   */
  synchronized void checkLost(TenantTimelineId id, int creation)
      throws StorageException.Conflict, IOException {
    TimelineWorker known = open.get(id);
    boolean isHere;
    try {
      isHere =
          (known == null ? directory.peekTimeline(id) : Optional.of(known.snapshot().state()))
              .filter(state -> !Creations.isLost(state, creation))
              .isPresent();
    } catch (StorageException damaged) {
      isHere = true;
    }
    if (isHere) {
      throw new StorageException.Conflict(
          "timeline %s is on safekeeper %s; it is rebuilt only if that copy is to be replaced"
              .formatted(id, node()));
    }
  }

  /** From here on a timeline that is being rebuilt is not here; durable when this returns. */
  void putAside(TenantTimelineId id) throws IOException {
    TimelineWorker worker;
    synchronized (this) {
      dormant.remove(id);
      worker = open.remove(id);
    }
    if (worker != null) {
      worker.close().join();
    }
    directory.putAside(id);
  }

  /** The timeline can be opened again, if it is here. */
  synchronized void endRebuild(TenantTimelineId id) {
    rebuilding.remove(id);
  }

  /**
   * Deletes a timeline for good, also if it is not here: nobody makes it again. Done again, it goes
   * on where it failed.
   */
  void delete(TenantTimelineId id) throws IOException, StorageException {
    Optional<TimelineWorker> worker = remove(id);
    worker.ifPresent(found -> found.close().join());
    synchronized (this) {
      directory.deleteTimeline(id);
    }
  }

  private synchronized Optional<TimelineWorker> remove(TenantTimelineId id)
      throws StorageException, IOException {
    checkRunning();
    if (rebuilding.contains(id)) {
      throw beingRebuilt(id);
    }
    directory.markDeleted(id);
    dormant.remove(id);
    return Optional.ofNullable(open.remove(id));
  }

  synchronized Collection<TimelineWorker> opened() {
    return List.copyOf(open.values());
  }

  /** Closes all timelines; later calls are refused. */
  void close() {
    Collection<TimelineWorker> workers;
    synchronized (this) {
      stopped = true;
      workers = List.copyOf(open.values());
      open.clear();
    }
    CompletableFuture<?>[] closing =
        workers.stream().map(TimelineWorker::close).toArray(CompletableFuture<?>[]::new);
    CompletableFuture.allOf(closing).join();
  }

  /** Refuses everything from now on, without touching the disk again. */
  synchronized void stop() {
    stopped = true;
    open.clear();
  }

  /** Not the same as not to have it: what is lost is rebuilt, and this is not. */
  private void checkNotDeleted(TenantTimelineId id) throws StorageException.Precondition {
    if (directory.isDeleted(id)) {
      throw new StorageException.Precondition(
          "timeline %s was deleted, with its WAL on safekeeper %s; its id is not used again"
              .formatted(id, node()));
    }
  }

  private StorageException beingRebuilt(TenantTimelineId id) {
    return new StorageException.Transient(
        "timeline %s is being rebuilt on safekeeper %s".formatted(id, node()));
  }

  private void checkRunning() throws StorageException.Transient {
    if (stopped) {
      throw new StorageException.Transient("safekeeper " + node() + " is stopping");
    }
  }
}
