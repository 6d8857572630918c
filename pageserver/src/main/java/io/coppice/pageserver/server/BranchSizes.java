package io.coppice.pageserver.server;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.platform.Clock;
import io.coppice.pageserver.timeline.Ancestor;
import io.coppice.pageserver.timeline.Timeline;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How large branches are: for Postgres, which takes a read for each relation and is remembered with
 * its LSN, and on disk. Thread safe.
 */
final class BranchSizes {
  private static final Logger log = LoggerFactory.getLogger(BranchSizes.class);

  /** What a call may spend on measuring; the rest is told as it was last known. */
  private static final long MEASURING_MILLIS = 500;

  private final Timelines timelines;
  private final Clock clock;
  private final Map<TenantTimelineId, Logical> known = new ConcurrentHashMap<>();

  BranchSizes(Timelines timelines, Clock clock) {
    this.timelines = timelines;
    this.clock = clock;
  }

  /** Bytes of all relations' forks at an LSN. */
  record Logical(long sizeBytes, Lsn lsn) {}

  /** To be called when a timeline goes. */
  void forget(TenantTimelineId id) {
    known.remove(id);
  }

  /** As it was last measured. */
  Optional<Logical> known(Timeline timeline) {
    return Optional.ofNullable(known.get(timeline.id()));
  }

  /** For one call. */
  Budget budget() {
    return new Budget(clock.monotonicMillis() + MEASURING_MILLIS);
  }

  /**
   * Measures as long as there is time, and only what is on this machine. A branch that is damaged
   * is told of all the same.
   */
  final class Budget {
    private final long untilMillis;
    private final Map<Moment, OptionalLong> measured = new HashMap<>();

    private Budget(long untilMillis) {
      this.untilMillis = untilMillis;
    }

    /** As it is now or, if it cannot be measured, as it was last; empty if that never was. */
    Optional<Logical> find(Timeline timeline) {
      Lsn lsn = timeline.lastRecordLsn();
      boolean isCurrent = known(timeline).map(last -> last.lsn().equals(lsn)).orElse(false);
      if (!isCurrent && !isOver() && timeline.canAnswerWithoutBlocking(lsn)) {
        measure(timeline, lsn);
      }
      return known(timeline);
    }

    private boolean isOver() {
      return clock.monotonicMillis() >= untilMillis;
    }

    private void measure(Timeline timeline, Lsn lsn) {
      try {
        Moment moment = origin(timeline, lsn);
        OptionalLong bytes = measured.get(moment);
        if (bytes == null) {
          bytes = timelines.reader(moment.timeline).sizeBytes(moment.lsn, this::isOver);
          measured.put(moment, bytes);
        }
        if (bytes.isPresent()) {
          known.put(timeline.id(), new Logical(bytes.getAsLong(), lsn));
        }
      } catch (StorageException e) {
        log.debug("the size of {} is not known: {}", timeline.id(), e.getMessage());
      }
    }
  }

  /** A state of a timeline. */
  private record Moment(Timeline timeline, Lsn lsn) {}

  /**
   * Where a state was written: that of a branch without WAL of its own is its parent's, so it is
   * measured once for all branches that were made there.
   */
  private static Moment origin(Timeline timeline, Lsn lsn) {
    Timeline at = timeline;
    Timeline ancestor = at.ancestorTimeline();
    while (ancestor != null && lsn.isAtOrBefore(at.startLsn()) && ancestor.isReadableAt(lsn)) {
      at = ancestor;
      ancestor = at.ancestorTimeline();
    }
    return new Moment(at, lsn);
  }

  /** Bytes of ancestors' layer files that begin at or before where the branch left them. */
  long sharedBytes(Timeline timeline) throws StorageException {
    long bytes = 0;
    Timeline at = timeline;
    Lsn lsn = Lsn.MAX;
    while (at.ancestor().isPresent()) {
      Ancestor ancestor = at.ancestor().get();
      lsn = Lsn.min(lsn, ancestor.lsn());
      at =
          timelines
              .tenants()
              .timeline(new TenantTimelineId(timeline.id().tenant(), ancestor.timeline()));
      bytes += at.layerSizeBytesUpTo(lsn);
    }
    return bytes;
  }
}
