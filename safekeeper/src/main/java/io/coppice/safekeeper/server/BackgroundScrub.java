package io.coppice.safekeeper.server;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.safekeeper.wal.DataDirectory;
import io.coppice.safekeeper.wal.WalScrub;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Optional;
import java.util.Queue;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Checks all stored WAL against its checksums, over and over, at a bounded rate. What it finds is
 * logged and remembered by the timeline. One thread, which calls {@link #tick} at a fixed pace.
 */
final class BackgroundScrub {
  private static final Logger log = LoggerFactory.getLogger(BackgroundScrub.class);

  /** The pace. */
  static final long TICK_MILLIS = 100;

  /** Between the end of one pass and the beginning of the next: an hour. */
  private static final long PAUSE_TICKS = 3_600_000 / TICK_MILLIS;

  private final TimelineRegistry registry;
  private final DataDirectory directory;
  private final long bytesPerTick;

  private final Queue<TenantTimelineId> waiting = new ArrayDeque<>();
  private @Nullable WalScrub current;
  private @Nullable TenantTimelineId currentId;
  private long budgetBytes;
  private long pauseTicks;

  /**
   * A scrub that has not begun.
   *
   * @param bytesPerSecond zero never checks anything
   */
  BackgroundScrub(TimelineRegistry registry, DataDirectory directory, long bytesPerSecond) {
    this.registry = registry;
    this.directory = directory;
    this.bytesPerTick = Math.ceilDiv(bytesPerSecond * TICK_MILLIS, 1_000L);
  }

  /** Checks as much as a tick may. */
  void tick() {
    if (pauseTicks > 0) {
      pauseTicks--;
      return;
    }
    budgetBytes = Math.min(budgetBytes, 0) + bytesPerTick;
    try {
      while (budgetBytes > 0 && pauseTicks == 0) {
        budgetBytes -= step();
      }
    } catch (StorageException | IOException | RuntimeException failure) {
      log.warn("scrub of timeline {}: {}", currentId, failure.toString());
      finish();
    }
  }

  private long step() throws StorageException, IOException {
    WalScrub scrub = current;
    if (scrub == null) {
      begin();
      return 0;
    }
    if (scrub.isDone()) {
      finish();
      return 0;
    }
    return scrub.step();
  }

  private void begin() throws StorageException, IOException {
    if (waiting.isEmpty()) {
      waiting.addAll(directory.timelines());
    }
    TenantTimelineId id = waiting.poll();
    if (id != null) {
      currentId = id;
      Optional<ScrubTarget> target = registry.scrubTarget(id);
      if (target.isPresent()) {
        ScrubTarget found = target.get();
        current = directory.newScrub(found.properties(), found.from(), found.end());
        return;
      }
    }
    pauseIfDone();
  }

  private void finish() {
    WalScrub scrub = current;
    TenantTimelineId id = currentId;
    current = null;
    if (scrub != null && id != null) {
      try {
        scrub.close();
      } catch (IOException e) {
        log.info("scrub of timeline {}: {}", id, e.toString());
      }
      int damaged = directory.damagedBlocks(id).size();
      if (damaged > 0) {
        Lsn first = directory.damagedBlocks(id).firstKey();
        log.error(
            "timeline {}: damaged blocks of WAL: {}, the first: {}",
            id,
            damaged,
            directory.damagedBlocks(id).get(first));
      }
    }
    pauseIfDone();
  }

  private void pauseIfDone() {
    if (waiting.isEmpty()) {
      pauseTicks = PAUSE_TICKS;
    }
  }
}
