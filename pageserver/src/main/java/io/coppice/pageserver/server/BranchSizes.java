package io.coppice.pageserver.server;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.platform.Clock;
import io.coppice.pageserver.query.TimelineReader;
import io.coppice.pageserver.timeline.Ancestor;
import io.coppice.pageserver.timeline.Timeline;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * How large branches are: for Postgres, which takes a read for each relation and is remembered with
 * its LSN, and on disk. Thread safe.
 */
final class BranchSizes {
  /** What a listing may spend on measuring; the rest is told as it was last known. */
  private static final long LISTING_MILLIS = 500;

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

  /** As it is now. Blocks: layers may have to be downloaded. */
  Optional<Logical> measure(Timeline timeline) throws StorageException {
    Lsn lsn = timeline.lastRecordLsn();
    Logical last = known.get(timeline.id());
    if (last == null || !last.lsn().equals(lsn)) {
      TimelineReader reader = timelines.reader(timeline);
      last = new Logical(reader.sizeBytes(lsn), lsn);
      known.put(timeline.id(), last);
    }
    return Optional.of(last);
  }

  /** For one listing. */
  Budget budget() {
    return new Budget(clock.monotonicMillis() + LISTING_MILLIS);
  }

  /** Measures as long as there is time, and only what is on this machine. */
  final class Budget {
    private final long untilMillis;

    private Budget(long untilMillis) {
      this.untilMillis = untilMillis;
    }

    Optional<Logical> find(Timeline timeline) throws StorageException {
      return clock.monotonicMillis() < untilMillis
              && timeline.canAnswerWithoutBlocking(timeline.lastRecordLsn())
          ? measure(timeline)
          : known(timeline);
    }
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
