package io.coppice.safekeeper.server;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.safekeeper.consensus.DiskFailure;
import io.coppice.safekeeper.wal.DataDirectory;
import io.coppice.safekeeper.wal.WalScrub;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Queue;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Checks all stored WAL against its checksums, over and over, at a bounded rate. What it finds is
 * logged and remembered by the timeline, and repaired if the object store has the WAL. One thread,
 * which calls {@link #tick} at a fixed pace.
 */
final class BackgroundScrub {
  private static final Logger log = LoggerFactory.getLogger(BackgroundScrub.class);

  /** The pace. */
  static final long TICK_MILLIS = 100;

  /** Between the end of one pass and the beginning of the next: an hour. */
  private static final long PAUSE_TICKS = 3_600_000 / TICK_MILLIS;

  /**
   * Blocks of a timeline that are repaired in a pass: each may mean to get a whole segment, and a
   * disk that lost more than a few wants a person.
   */
  private static final int REPAIRS_MAX = 64;

  private final TimelineRegistry registry;
  private final DataDirectory directory;
  private final long bytesPerTick;
  private final Optional<BlockRepairs> repairs;
  private final SafekeeperMetrics metrics;
  private final Consumer<Throwable> onFatal;

  private final Queue<TenantTimelineId> waiting = new ArrayDeque<>();
  private @Nullable WalScrub current;
  private @Nullable TenantTimelineId currentId;
  private @Nullable ScrubTarget currentTarget;
  private long budgetBytes;
  private long pauseTicks;

  /**
   * A scrub that has not begun.
   *
   * @param bytesPerSecond zero never checks anything
   * @param repairs none if nothing is to be repaired unasked
   */
  BackgroundScrub(
      TimelineRegistry registry,
      DataDirectory directory,
      long bytesPerSecond,
      Optional<BlockRepairs> repairs,
      SafekeeperMetrics metrics,
      Consumer<Throwable> onFatal) {
    this.registry = registry;
    this.directory = directory;
    this.repairs = repairs;
    this.metrics = metrics;
    this.onFatal = onFatal;
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
        currentTarget = found;
        current = directory.newScrub(found.properties(), found.from(), found.end());
        return;
      }
    }
    pauseIfDone();
  }

  private void finish() {
    WalScrub scrub = current;
    ScrubTarget target = currentTarget;
    current = null;
    currentTarget = null;
    if (scrub != null && target != null) {
      try {
        scrub.close();
      } catch (IOException e) {
        log.info("scrub of timeline {}: {}", currentId, e.toString());
      }
      report(target);
    }
    pauseIfDone();
  }

  private void report(ScrubTarget target) {
    TenantTimelineId id = target.properties().id();
    NavigableMap<Lsn, String> damaged = directory.damagedBlocks(id);
    Map.Entry<Lsn, String> first = damaged.firstEntry();
    if (first == null) {
      return;
    }
    log.error(
        "timeline {}: damaged blocks of WAL: {}, the first: {}",
        id,
        damaged.size(),
        first.getValue());
    if (repairs.isPresent()) {
      List<Lsn> blocks = damaged.keySet().stream().filter(Lsn::isValid).limit(REPAIRS_MAX).toList();
      try {
        for (Lsn block : blocks) {
          repair(repairs.get(), target, block);
        }
      } catch (DiskFailure failure) {
        onFatal.accept(failure);
      } catch (InterruptedException _) {
        Thread.currentThread().interrupt();
      } catch (IOException | RuntimeException failure) {
        log.warn("repair of timeline {}: {}", id, failure.toString());
      }
    }
  }

  private void repair(BlockRepairs from, ScrubTarget target, Lsn block)
      throws IOException, InterruptedException, DiskFailure {
    String problem = from.repair(target, block);
    if (problem.isEmpty()) {
      metrics.repaired();
    }
    log.warn(
        "timeline {}: block at {} {}",
        target.properties().id(),
        block,
        problem.isEmpty() ? "is repaired" : "cannot be repaired: " + problem);
  }

  private void pauseIfDone() {
    if (waiting.isEmpty()) {
      pauseTicks = PAUSE_TICKS;
    }
  }
}
