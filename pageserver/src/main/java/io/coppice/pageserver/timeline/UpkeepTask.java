package io.coppice.pageserver.timeline;

import io.coppice.common.error.StorageException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One kind of upkeep of a timeline. When it fails it pauses, longer with each failure in a row, so
 * that what cannot succeed costs little, and other work goes on.
 */
final class UpkeepTask {
  private static final Logger log = LoggerFactory.getLogger(UpkeepTask.class);
  static final long PAUSE_MILLIS_MIN = 1_000;
  static final long PAUSE_MILLIS_MAX = 24L * 3_600_000;

  private final String name;
  private final TimelineEnvironment environment;
  private final Due due;
  private final Step step;

  private int failures;
  private long pausedUntilMillis;
  private @Nullable StorageException lastFailure;

  /** Whether there is something to do; cheap. */
  interface Due {
    boolean isSo();
  }

  /** Does a bounded part of the work. */
  interface Step {
    void run() throws StorageException;
  }

  /** A task whose name says in a log what failed. */
  UpkeepTask(String name, TimelineEnvironment environment, Due due, Step step) {
    this.name = name;
    this.environment = environment;
    this.due = due;
    this.step = step;
  }

  boolean isDue() {
    return due.isSo() && !isPaused();
  }

  private synchronized boolean isPaused() {
    return failures > 0 && environment.clock().monotonicMillis() < pausedUntilMillis;
  }

  /** What ended the last run; null if it went well. */
  synchronized @Nullable StorageException lastFailure() {
    return lastFailure;
  }

  /** Runs if it is due; a failure is handled here. */
  void runIfDue() {
    if (!isDue()) {
      return;
    }
    try {
      step.run();
      succeeded();
    } catch (StorageException e) {
      failed(e);
    }
  }

  private synchronized void succeeded() {
    if (failures > 0) {
      log.info("{} goes on, after {} failures", name, failures);
    }
    failures = 0;
    lastFailure = null;
  }

  private synchronized void failed(StorageException e) {
    long pauseMillis = Math.min(PAUSE_MILLIS_MAX, PAUSE_MILLIS_MIN << Math.min(failures, 40));
    failures++;
    environment.metrics().failed();
    lastFailure = e;
    pausedUntilMillis = environment.clock().monotonicMillis() + pauseMillis;
    log.warn(
        "{} failed {} times and pauses for {} ms: {}", name, failures, pauseMillis, e.getMessage());
  }
}
