package io.coppice.safekeeper.server;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.common.platform.Clock;
import io.coppice.safekeeper.backup.SegmentBackup;
import io.coppice.safekeeper.backup.TailBackup;
import io.coppice.safekeeper.backup.WalObjects;
import io.coppice.safekeeper.consensus.WalRemoval;
import java.io.IOException;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * Has the WAL of all timelines of this node brought to the object store, and what nobody needs any
 * more removed. {@link #tick} is called at a fixed pace by one thread, and gives each timeline that
 * has something to do a virtual thread, a few at one time.
 */
final class WalBackups {
  private static final Logger log = LoggerFactory.getLogger(WalBackups.class);
  private static final int AT_ONCE_MAX = 4;

  private final TimelineRegistry registry;
  private final ObjectStore store;
  private final BackupConfig config;
  private final Clock clock;
  private final RandomGenerator random;
  private final Semaphore room = new Semaphore(AT_ONCE_MAX);
  private final Map<TenantTimelineId, TimelineBackup> known = new ConcurrentHashMap<>();
  private volatile boolean stopped;

  WalBackups(
      TimelineRegistry registry,
      ObjectStore store,
      BackupConfig config,
      Clock clock,
      RandomGenerator random) {
    this.registry = registry;
    this.store = store;
    this.config = config;
    this.clock = clock;
    this.random = random;
  }

  /** Nothing begins from now on, and what is under way ends soon. */
  void stop() {
    stopped = true;
  }

  /**
   * Deletes all objects of a timeline that the registry has deleted, so that no upload of it begins
   * any more. The last safekeeper that does it leaves none.
   *
   * @throws StorageException.Transient if one is still under way; it ends soon
   */
  void deleteObjects(TenantTimelineId id) throws StorageException {
    TimelineBackup backup = known.get(id);
    if (backup != null && backup.running) {
      throw new StorageException.Transient(
          "WAL of deleted timeline %s is still on its way to the object store".formatted(id));
    }
    WalObjects.deleteAll(store, id);
  }

  /** Begins what is due and not under way. */
  void tick() {
    Set<TenantTimelineId> here = new HashSet<>();
    for (TimelineSnapshot snapshot : registry.snapshots()) {
      TenantTimelineId id = snapshot.state().properties().id();
      here.add(id);
      if (isDue(snapshot) && !stopped) {
        begin(id);
      }
    }
    registry.opened().forEach(timeline -> tailOf(timeline.snapshot()));
    known.values().removeIf(backup -> !backup.running && !here.contains(backup.id));
  }

  /** A timeline that is in use, and has rested for a while, has its tail brought up as well. */
  private void tailOf(TimelineSnapshot snapshot) {
    TenantTimelineId id = snapshot.state().properties().id();
    TimelineBackup backup = known.computeIfAbsent(id, TimelineBackup::new);
    if (!stopped
        && TailBackup.hasTail(snapshot.state())
        && backup.isTailDue(snapshot.commitLsn())) {
      begin(id);
    }
  }

  private static boolean isDue(TimelineSnapshot snapshot) {
    return SegmentBackup.isDue(snapshot.state()) || hasOldWal(snapshot);
  }

  private static boolean hasOldWal(TimelineSnapshot snapshot) {
    return WalRemoval.keepFrom(snapshot.state())
        .isAfter(snapshot.state().retention().localStartLsn());
  }

  private void begin(TenantTimelineId id) {
    TimelineBackup backup = known.computeIfAbsent(id, TimelineBackup::new);
    if (backup.mayBegin() && room.tryAcquire()) {
      backup.running = true;
      Thread.ofVirtual()
          .name("wal-backup")
          .start(() -> {
            try {
              backup.run();
            } finally {
              backup.running = false;
              room.release();
            }
          });
    }
  }

  /** Of one timeline. */
  private final class TimelineBackup {
    private final TenantTimelineId id;
    private volatile boolean running;
    private volatile long notBeforeMillis = Long.MIN_VALUE;
    private volatile Lsn tailLsn = Lsn.INVALID;
    private volatile Lsn tailWanted = Lsn.INVALID;

    // These are the ticking thread's.
    private Lsn restsAt = Lsn.INVALID;
    private long restsSinceMillis;

    // What follows is touched only while this runs.
    private @Nullable TimelineWorker worker;
    private @Nullable SegmentBackup backup;
    private int failures;

    TimelineBackup(TenantTimelineId id) {
      this.id = id;
    }

    /** Whether nothing was committed for a while, and that end is not in the object store. */
    boolean isTailDue(Lsn commitLsn) {
      if (!commitLsn.equals(restsAt)) {
        restsAt = commitLsn;
        restsSinceMillis = clock.monotonicMillis();
      }
      boolean due =
          !commitLsn.equals(tailLsn)
              && clock.monotonicMillis() - restsSinceMillis >= config.tailAfterMillis();
      tailWanted = due ? commitLsn : Lsn.INVALID;
      return due;
    }

    boolean mayBegin() {
      return !running && clock.monotonicMillis() >= notBeforeMillis;
    }

    void run() {
      try {
        TimelineWorker timeline = registry.open(id);
        if (hasOldWal(timeline.snapshot())) {
          remove(timeline);
        }
        upload(timeline, backupOf(timeline));
        TimelineSnapshot now = timeline.snapshot();
        if (TailBackup.hasTail(now.state()) && now.commitLsn().equals(tailWanted)) {
          new TailBackup(store, timeline.storage(), registry.node())
              .run(now.state(), now.flushLsn());
          tailLsn = now.commitLsn();
        }
        if (failures > 0) {
          log.info("timeline {}: WAL goes to the object store again", id);
        }
        failures = 0;
      } catch (StorageException | IOException | RuntimeException failure) {
        failed(failure);
      }
    }

    private void remove(TimelineWorker timeline) throws IOException {
      TimelineSnapshot now = timeline.giveUpOldWal().join();
      timeline.storage().removeBefore(now.state().retention().localStartLsn());
      log.info("timeline {}: WAL begins at {} now", id, now.state().retention().localStartLsn());
    }

    /** The one that knows how long it has waited, unless the timeline was opened anew. */
    private SegmentBackup backupOf(TimelineWorker timeline) {
      SegmentBackup last = backup;
      if (last != null && worker == timeline) {
        return last;
      }
      SegmentBackup made =
          new SegmentBackup(store, timeline.storage(), registry.node(), config.graceMillis());
      worker = timeline;
      backup = made;
      return made;
    }

    private void upload(TimelineWorker timeline, SegmentBackup segments)
        throws StorageException, IOException {
      while (!stopped) {
        switch (segments.step(timeline.snapshot().state(), clock.monotonicMillis())) {
          case SegmentBackup.Outcome.Idle _ -> {
            return;
          }
          case SegmentBackup.Outcome.Wait(long millis) -> {
            notBeforeMillis = clock.monotonicMillis() + millis;
            return;
          }
          case SegmentBackup.Outcome.Again _ -> {}
          case SegmentBackup.Outcome.BackedUp(var lsn) -> {
            var _ = timeline.backedUp(lsn).join();
            log.info("timeline {}: WAL up to {} is in the object store", id, lsn);
          }
        }
      }
    }

    /** Waits longer each time, and says so only the first time: it may take long. */
    private void failed(Exception failure) {
      failures++;
      long most = config.retryMillisMin() << Math.min(failures, 16);
      long millis = Math.min(config.retryMillisMax(), most);
      notBeforeMillis = clock.monotonicMillis() + millis / 2 + random.nextLong(millis / 2 + 1);
      if (failures == 1) {
        Level level = failure instanceof StorageException.Corrupt ? Level.ERROR : Level.WARN;
        log.atLevel(level)
            .log(
                "timeline {}: WAL cannot be brought to the object store, trying on: {}",
                id,
                failure.toString());
      }
    }
  }
}
