package io.coppice.pageserver.maintenance;

import io.coppice.common.error.StorageException;
import io.coppice.pageserver.timeline.Maintenance;
import io.coppice.pageserver.timeline.Timeline;
import java.util.Collection;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs the background work of all timelines on a few threads: at once for those that ask, and every
 * second for those that have become due. A timeline that asks while it is worked on is helped by
 * another thread; after a failure it is worked on again after a pause that grows.
 */
public final class MaintenanceScheduler implements Maintenance {
  private static final Logger log = LoggerFactory.getLogger(MaintenanceScheduler.class);
  private static final int THREADS = 2;
  private static final int UPKEEP_THREADS = 1;
  private static final long CHECK_PERIOD_MILLIS = 1_000;
  private static final long RETRY_MILLIS_MIN = 100;
  private static final long RETRY_MILLIS_MAX = 30_000;

  private final ConcurrentHashMap<Timeline, Work> pending = new ConcurrentHashMap<>();
  private final ScheduledThreadPoolExecutor executor;
  private final UpkeepScheduler upkeep = new UpkeepScheduler(UPKEEP_THREADS);

  /** What is known of a timeline that is queued, being worked on, or to be tried again. */
  private static final class Work {
    // Requests since the run that is under way, or next, began.
    final AtomicInteger requests = new AtomicInteger();
    int failures;
    volatile boolean isRunning;
  }

  public MaintenanceScheduler() {
    AtomicInteger number = new AtomicInteger();
    executor =
        new ScheduledThreadPoolExecutor(
            THREADS,
            task ->
                Thread.ofPlatform()
                    .name("maintenance-" + number.incrementAndGet())
                    .daemon()
                    .unstarted(task));
    executor.setExecuteExistingDelayedTasksAfterShutdownPolicy(false);
    executor.setRemoveOnCancelPolicy(true);
  }

  @Override
  public void start(Supplier<Collection<Timeline>> timelines) {
    var _ =
        executor.scheduleWithFixedDelay(
            () -> checkAll(timelines),
            CHECK_PERIOD_MILLIS,
            CHECK_PERIOD_MILLIS,
            TimeUnit.MILLISECONDS);
  }

  private void checkAll(Supplier<Collection<Timeline>> timelines) {
    try {
      for (Timeline timeline : timelines.get()) {
        if (timeline.isMaintenanceDue()) {
          maintainSoon(timeline);
        }
        upkeep.offer(timeline);
      }
    } catch (RuntimeException e) {
      log.error("looking for work on timelines failed", e);
    }
  }

  @Override
  public void maintainSoon(Timeline timeline) {
    Work added = new Work();
    Work queued = pending.putIfAbsent(timeline, added);
    if (queued == null) {
      submit(timeline, added, 0);
    } else {
      // It runs once more; or has just ended without having seen this.
      queued.requests.incrementAndGet();
      if (pending.get(timeline) != queued) {
        maintainSoon(timeline);
      } else if (queued.isRunning && !executor.isShutdown()) {
        executor.execute(() -> help(timeline));
      }
    }
  }

  private static void help(Timeline timeline) {
    try {
      timeline.maintain();
    } catch (StorageException e) {
      // It is met, and counted, by whoever works on the timeline.
      log.debug("help with the maintenance of {} failed", timeline.id(), e);
    } catch (RuntimeException | Error e) {
      log.error("help with the maintenance of {} stopped", timeline.id(), e);
      throw e;
    }
  }

  private void submit(Timeline timeline, Work work, long delayMillis) {
    if (!executor.isShutdown()) {
      var _ = executor.schedule(() -> run(timeline, work), delayMillis, TimeUnit.MILLISECONDS);
    }
  }

  private void run(Timeline timeline, Work work) {
    work.requests.set(0);
    work.isRunning = true;
    try {
      timeline.maintain();
      work.failures = 0;
      upkeep.offer(timeline);
    } catch (StorageException e) {
      long delayMillis =
          Math.min(RETRY_MILLIS_MAX, RETRY_MILLIS_MIN << Math.min(work.failures, 20));
      work.failures++;
      work.isRunning = false;
      log.warn(
          "maintenance of {} failed {} times, again in {} ms: {}",
          timeline.id(),
          work.failures,
          delayMillis,
          e.getMessage());
      submit(timeline, work, delayMillis);
      return;
    } catch (RuntimeException | Error e) {
      // A bug of ours. What is durable is whole; the timeline's writer stops at its limit.
      log.error("maintenance of {} stopped", timeline.id(), e);
      pending.remove(timeline);
      throw e;
    }
    pending.remove(timeline);
    if (work.requests.get() > 0) {
      maintainSoon(timeline);
    }
  }

  /** Ends; work that is under way is waited for, as long as that. */
  public void close(long timeoutMillis) {
    executor.shutdown();
    upkeep.close(timeoutMillis);
    try {
      if (!executor.awaitTermination(timeoutMillis, TimeUnit.MILLISECONDS)) {
        log.warn("maintenance did not end within {} ms", timeoutMillis);
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    close(RETRY_MILLIS_MAX);
  }
}
