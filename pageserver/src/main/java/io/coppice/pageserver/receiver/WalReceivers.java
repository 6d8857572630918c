package io.coppice.pageserver.receiver;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.platform.Clock;
import io.coppice.common.rpc.HostPort;
import io.coppice.pageserver.ingest.RelationListener;
import io.coppice.pageserver.tenant.BranchListener;
import io.coppice.pageserver.timeline.Timeline;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Starts a receiver for each timeline that has committed WAL which is not here yet. A timeline that
 * has none costs nothing but its entry in a map.
 *
 * <p>All decisions are made on one scheduler thread; watches and receivers only tell it that
 * something changed.
 */
public final class WalReceivers implements BranchListener, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(WalReceivers.class);

  private static final long CHECK_MILLIS = 1_000;
  private static final long STOP_MILLIS_MAX = 10_000;

  private record Running(TimelineReceiver receiver, Thread thread) {}

  private final ReceiverConfig config;
  private final Clock clock;
  private final IngestMetrics metrics;
  private final Function<Timeline, RelationListener> relationListeners;
  private final List<SafekeeperLink> safekeepers = new ArrayList<>();
  private final Map<TenantTimelineId, Timeline> timelines = new ConcurrentHashMap<>();
  private final Map<TenantTimelineId, StorageException> failures = new ConcurrentHashMap<>();
  private final AtomicBoolean checkQueued = new AtomicBoolean();
  private final ScheduledExecutorService scheduler =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().name("wal-receivers").daemon().factory());

  /** Touched by the scheduler's thread only. */
  private final Map<TenantTimelineId, Running> running = new HashMap<>();

  private boolean closing;

  /**
   * Connects to the safekeepers.
   *
   * @param relationListeners gives for each timeline what hears of its changed relations
   */
  public WalReceivers(
      List<HostPort> addresses,
      ReceiverConfig config,
      Clock clock,
      IngestMetrics metrics,
      Function<Timeline, RelationListener> relationListeners) {
    this.config = config;
    this.clock = clock;
    this.metrics = metrics;
    this.relationListeners = relationListeners;
    for (HostPort address : addresses) {
      safekeepers.add(
          new SafekeeperLink(address, config, clock, scheduler, this::somethingChanged));
    }
    for (SafekeeperLink link : safekeepers) {
      scheduler.execute(link::startWatching);
    }
    var _ =
        scheduler.scheduleWithFixedDelay(
            this::checkAndReport, CHECK_MILLIS, CHECK_MILLIS, TimeUnit.MILLISECONDS);
  }

  /** Why WAL of a timeline is not taken in any more; empty if it is. */
  public Optional<StorageException> failure(TenantTimelineId timeline) {
    return Optional.ofNullable(failures.get(timeline));
  }

  /** The end of the WAL that some safekeeper says is committed, if it is not here yet. */
  public Optional<Lsn> committedBeyond(Timeline timeline) {
    Lsn most = timeline.lastRecordLsn();
    boolean isBeyond = false;
    for (SafekeeperLink link : safekeepers) {
      Lsn committed = link.committed(timeline.id());
      if (SafekeeperLink.isAhead(committed, most)) {
        most = committed;
        isBeyond = true;
      }
    }
    return isBeyond ? Optional.of(most) : Optional.empty();
  }

  @Override
  public void added(Timeline timeline) {
    timelines.put(timeline.id(), timeline);
    somethingChanged();
  }

  @Override
  public void removed(TenantTimelineId id) {
    timelines.remove(id);
    failures.remove(id);
    execute(() -> stop(id));
  }

  private void somethingChanged() {
    if (checkQueued.compareAndSet(false, true)) {
      execute(this::check);
    }
  }

  private void execute(Runnable task) {
    try {
      scheduler.execute(task);
    } catch (RejectedExecutionException _) {
      log.debug("closed");
    }
  }

  private void checkAndReport() {
    check();
    report();
  }

  /** Every safekeeper learns what it need not keep for this page server. */
  private void report() {
    for (SafekeeperLink link : safekeepers) {
      for (TenantTimelineId id : link.timelines()) {
        Timeline timeline = timelines.get(id);
        if (timeline != null && !closing) {
          link.report(id, timeline.remoteConsistentLsn());
        }
      }
    }
  }

  private void check() {
    checkQueued.set(false);
    if (closing) {
      return;
    }
    for (SafekeeperLink link : safekeepers) {
      for (TenantTimelineId id : link.timelines()) {
        Timeline timeline = timelines.get(id);
        if (timeline != null && isBehind(timeline, link)) {
          Running already = running.get(id);
          if (already == null) {
            start(timeline);
          } else {
            already.receiver.wake();
          }
        }
      }
    }
  }

  private boolean isBehind(Timeline timeline, SafekeeperLink link) {
    return SafekeeperLink.isAhead(link.committed(timeline.id()), timeline.lastRecordLsn())
        && !failures.containsKey(timeline.id());
  }

  private void start(Timeline timeline) {
    if (running.size() >= config.activeTimelinesMax()) {
      return; // The next check tries again.
    }
    TimelineReceiver receiver =
        new TimelineReceiver(
            timeline,
            relationListeners.apply(timeline),
            safekeepers,
            config,
            clock,
            metrics,
            (ended, failure) -> execute(() -> ended(ended, failure)));
    Thread thread =
        Thread.ofPlatform().name("wal-" + timeline.id().timeline()).daemon().unstarted(receiver);
    running.put(timeline.id(), new Running(receiver, thread));
    thread.start();
  }

  private void ended(TimelineReceiver receiver, @Nullable StorageException failure) {
    TenantTimelineId id = receiver.timeline().id();
    Running entry = running.get(id);
    if (entry != null && entry.receiver == receiver) {
      running.remove(id);
    }
    if (failure != null && timelines.containsKey(id)) {
      failures.put(id, failure);
    }
    check();
  }

  private void stop(TenantTimelineId id) {
    Running entry = running.get(id);
    if (entry != null) {
      entry.receiver.stop();
      entry.receiver.wake();
    }
  }

  /** Ends all streams and waits until no thread puts values any more. */
  @Override
  public void close() {
    List<Thread> threads = new ArrayList<>();
    try {
      scheduler
          .submit(() -> {
            closing = true;
            running.forEach((id, entry) -> stop(id));
            running.values().forEach(entry -> threads.add(entry.thread));
          })
          .get();
      for (Thread thread : threads) {
        thread.join(STOP_MILLIS_MAX);
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException e) {
      log.error("stopping the WAL receivers failed", e);
    }
    scheduler.shutdownNow();
    safekeepers.forEach(SafekeeperLink::close);
  }
}
