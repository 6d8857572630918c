package io.coppice.safekeeper.wal;

import io.coppice.common.id.Lsn;
import java.util.NavigableMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;

/**
 * What the owner of a log and its readers, in other threads, tell each other. Its monitor is held
 * while entries of checksums are written or read, so that none is read half written.
 */
final class LogShare {
  /** Damaged blocks that are remembered; there may be more. */
  static final int DAMAGED_MAX = 10_000;

  /** Odd while the log is being cut. */
  private final AtomicLong cuts = new AtomicLong();

  private final NavigableMap<Lsn, String> damaged = new ConcurrentSkipListMap<>();

  /** Held while segments are removed, and by whoever writes to one that may be. */
  private final ReentrantLock removal = new ReentrantLock();

  private volatile Lsn keptFrom = Lsn.INVALID;

  ReentrantLock removal() {
    return removal;
  }

  /** WAL before it is removed, or about to be. */
  void keepFrom(Lsn lsn) {
    keptFrom = lsn;
    damaged.subMap(Lsn.INVALID, false, lsn, false).clear();
  }

  Lsn keptFrom() {
    return keptFrom;
  }

  void beginCut() {
    cuts.incrementAndGet();
  }

  void endCut() {
    cuts.incrementAndGet();
  }

  /** A number that {@link #wasCutSince} takes. */
  long cuts() {
    return cuts.get();
  }

  /**
   * Whether what was read since may have been in the middle of being cut off: then that it does not
   * agree with its checksum says nothing.
   */
  boolean wasCutSince(long earlier) {
    return cuts.get() != earlier || earlier % 2 != 0;
  }

  /** Remembers that a block, or all of a segment that begins there, is damaged. */
  void markDamaged(Lsn block, String problem) {
    if (damaged.size() < DAMAGED_MAX) {
      damaged.put(block, problem);
    }
  }

  void markWhole(Lsn block) {
    if (!damaged.isEmpty()) {
      damaged.remove(block);
    }
  }

  /** Damaged blocks and what is wrong with them. */
  NavigableMap<Lsn, String> damaged() {
    return damaged;
  }
}
