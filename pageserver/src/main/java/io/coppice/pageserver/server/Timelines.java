package io.coppice.pageserver.server;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.platform.Clock;
import io.coppice.pageserver.query.TimelineReader;
import io.coppice.pageserver.receiver.WalReceivers;
import io.coppice.pageserver.tenant.BranchListener;
import io.coppice.pageserver.tenant.TenantManager;
import io.coppice.pageserver.timeline.Timeline;
import io.grpc.Context;
import io.grpc.Deadline;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;

/** The timelines with what the services keep for each, and waiting for LSNs. Thread safe. */
final class Timelines implements BranchListener {
  /** How soon a wait hears that replay stopped. */
  private static final long WAIT_SLICE_MILLIS = 1_000;

  /** How long before a call's deadline waiting ends, so that the answer is seen. */
  private static final long ANSWER_MILLIS = 250;

  private final TenantManager tenants;
  private final Clock clock;
  private final long lsnWaitMillis;
  private final RequestMetrics metrics;
  private final Map<TenantTimelineId, TimelineReader> readers = new ConcurrentHashMap<>();
  private final Turns turns = new Turns();
  private final BranchSizes sizes;
  private volatile Optional<WalReceivers> receivers = Optional.empty();

  Timelines(TenantManager tenants, Clock clock, long lsnWaitMillis, RequestMetrics metrics) {
    this.tenants = tenants;
    this.clock = clock;
    this.lsnWaitMillis = lsnWaitMillis;
    this.sizes = new BranchSizes(this, clock);
    this.metrics = metrics;
  }

  /** How large they are. */
  BranchSizes sizes() {
    return sizes;
  }

  /** Where to ask about WAL that is not here yet. */
  void setReceivers(WalReceivers walReceivers) {
    receivers = Optional.of(walReceivers);
  }

  /** Who reads first. */
  Turns turns() {
    return turns;
  }

  RequestMetrics metrics() {
    return metrics;
  }

  TenantManager tenants() {
    return tenants;
  }

  /** The reader for somebody who names the timeline; fails if it cannot be used. */
  TimelineReader reader(TenantTimelineId id) throws StorageException {
    TimelineReader reader = readers.get(id);
    TimelineReader found = reader != null ? reader : reader(tenants.timeline(id));
    found.timeline().checkUsable();
    return found;
  }

  TimelineReader reader(Timeline timeline) {
    return readers.computeIfAbsent(timeline.id(), _ -> new TimelineReader(timeline));
  }

  @Override
  public void added(Timeline timeline) {
    receivers.ifPresent(known -> known.added(timeline));
  }

  @Override
  public void removed(TenantTimelineId id) {
    readers.remove(id);
    sizes.forget(id);
    receivers.ifPresent(known -> known.removed(id));
  }

  /**
   * Waits until a timeline has an LSN, at most as long as configured and as the present call has.
   * Blocks.
   */
  void await(Timeline timeline, Lsn lsn) throws StorageException, InterruptedException {
    if (timeline.lastRecordLsn().isAtOrAfter(lsn)) {
      return;
    }
    long startNanos = metrics.nanos();
    try {
      awaitNext(timeline, lsn);
    } finally {
      metrics.waited(startNanos);
    }
  }

  private void awaitNext(Timeline timeline, Lsn lsn) throws StorageException, InterruptedException {
    long timeoutMillis = timeoutMillis();
    long until = clock.monotonicMillis() + timeoutMillis;
    while (true) {
      failIfStopped(timeline, lsn);
      long before = clock.monotonicMillis();
      long sliceMillis = Math.clamp(until - before, 0, WAIT_SLICE_MILLIS);
      try {
        timeline.waitForLsn(lsn, sliceMillis);
        return;
      } catch (StorageException.Transient e) {
        boolean isTimeout = clock.monotonicMillis() - before >= sliceMillis;
        if (!isTimeout || until - before <= WAIT_SLICE_MILLIS) {
          throw new StorageException.Transient(
              "branch %s has not reached %s after %d ms; its WAL is here up to %s (%s)"
                  .formatted(
                      timeline.name(),
                      lsn,
                      timeoutMillis,
                      timeline.lastRecordLsn(),
                      e.getMessage()),
              e);
        }
      }
    }
  }

  private void failIfStopped(Timeline timeline, Lsn lsn) throws StorageException.Corrupt {
    Optional<StorageException> failure = receivers.flatMap(known -> known.failure(timeline.id()));
    if (failure.isPresent()) {
      throw new StorageException.Corrupt(
          "branch %s cannot reach %s: replay of its WAL stopped at %s: %s"
              .formatted(
                  timeline.name(), lsn, timeline.lastRecordLsn(), failure.get().getMessage()),
          failure.get());
    }
  }

  private long timeoutMillis() {
    Deadline deadline = Context.current().getDeadline();
    if (deadline == null) {
      return lsnWaitMillis;
    }
    long remainingMillis = deadline.timeRemaining(TimeUnit.MILLISECONDS);
    long marginMillis = Math.min(ANSWER_MILLIS, remainingMillis / 10);
    return Math.clamp(remainingMillis - marginMillis, 0, lsnWaitMillis);
  }

  /** Waits until all WAL is here that a safekeeper is known to have committed. Blocks. */
  void awaitCommitted(Timeline timeline) throws StorageException, InterruptedException {
    Optional<Lsn> committed = receivers.flatMap(known -> known.committedBeyond(timeline));
    if (committed.isPresent()) {
      await(timeline, committed.get());
    }
  }
}
