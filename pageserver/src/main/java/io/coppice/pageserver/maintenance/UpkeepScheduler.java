package io.coppice.pageserver.maintenance;

import io.coppice.pageserver.timeline.Timeline;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs what can wait, on threads of its own, so that no flush waits for it. A timeline gets one
 * bounded part of its work done and then queues up again behind the others. Thread safe.
 */
final class UpkeepScheduler implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(UpkeepScheduler.class);

  private final ExecutorService executor;
  private final Set<Timeline> queued = ConcurrentHashMap.newKeySet();

  UpkeepScheduler(int threads) {
    AtomicInteger number = new AtomicInteger();
    executor =
        Executors.newFixedThreadPool(
            threads,
            task ->
                Thread.ofPlatform()
                    .name("upkeep-" + number.incrementAndGet())
                    .daemon()
                    .unstarted(task));
  }

  /** Has a timeline's turn come soon, if it has work. Never blocks. */
  void offer(Timeline timeline) {
    if (timeline.isUpkeepDue() && queued.add(timeline)) {
      try {
        executor.execute(() -> run(timeline));
      } catch (RejectedExecutionException _) {
        // The page server stops.
        queued.remove(timeline);
      }
    }
  }

  private void run(Timeline timeline) {
    try {
      timeline.upkeep();
    } catch (RuntimeException | Error e) {
      // A bug of ours. It stays queued, so that it does not come again; what is durable is whole.
      log.error("upkeep of {} stopped", timeline.id(), e);
      throw e;
    }
    queued.remove(timeline);
    offer(timeline);
  }

  /** Ends; work that is under way is waited for, as long as that. */
  void close(long timeoutMillis) {
    executor.shutdown();
    try {
      if (!executor.awaitTermination(timeoutMillis, TimeUnit.MILLISECONDS)) {
        log.warn("upkeep did not end within {} ms", timeoutMillis);
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    close(0);
  }
}
