package io.coppice.pageserver.tenant;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.platform.Clock;
import io.coppice.pageserver.remote.HistoryHold;
import io.coppice.pageserver.remote.LsnLease;
import io.coppice.pageserver.timeline.Timeline;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What keeps more history than the rules for all do, durably: blocks of garbage collection, and
 * leases of LSNs. What a call has done counts from when it returns, and after every start. Thread
 * safe; blocks, also while garbage is being collected.
 */
public final class HistoryHolds {
  /** Most leases of one branch: they are written with each change of its index. */
  public static final int LEASES_MAX = 100;

  /** How long a lease may last: one that is forgotten must end some day. */
  public static final Duration LEASE_MAX = Duration.ofDays(366);

  private static final Logger log = LoggerFactory.getLogger(HistoryHolds.class);
  private static final int REASON_LENGTH_MAX = 200;

  private final TenantStates tenants;
  private final GarbageCollection garbage;
  private final Clock clock;

  HistoryHolds(TenantStates tenants, GarbageCollection garbage, Clock clock) {
    this.tenants = tenants;
    this.garbage = garbage;
    this.clock = clock;
  }

  /**
   * Has garbage collection leave branches alone: all that can be read of them stays so, and with it
   * what they need of their ancestors; or no longer.
   *
   * @param only this branch; all that the tenant has now if empty
   * @param reason for people; empty to end it
   * @return how many branches it is now so for
   */
  public int setGcBlock(TenantId tenant, Optional<TimelineId> only, Optional<String> reason)
      throws StorageException {
    if (reason.isPresent()
        && (reason.get().isBlank() || reason.get().length() > REASON_LENGTH_MAX)) {
      throw new StorageException.Invalid(
          "a reason of %d characters (1 to %d can be)"
              .formatted(reason.get().strip().length(), REASON_LENGTH_MAX));
    }
    List<Timeline> timelines =
        tenants.locked(() -> {
          TenantState state = tenants.get(tenant);
          return only.isPresent() ? List.of(state.get(only.get())) : state.timelines();
        });
    garbage.undisturbed(() -> {
      for (Timeline timeline : timelines) {
        change(timeline, hold -> hold.withGcBlock(reason));
      }
    });
    log.info(
        "garbage collection of {} branches of tenant {} is {}",
        timelines.size(),
        tenant,
        reason.map(why -> "blocked: " + why).orElse("not blocked any more"));
    return timelines.size();
  }

  /**
   * Keeps an LSN readable until a time, also over restarts. A lease of the same LSN that lasts
   * longer stays.
   *
   * @throws StorageException.Precondition if it is below the cut-off, or yet to come, or there are
   *     {@link #LEASES_MAX} leases
   */
  public Timeline lease(TenantTimelineId id, Lsn lsn, Instant until) throws StorageException {
    Instant now = clock.now();
    if (!until.isAfter(now) || until.isAfter(now.plus(LEASE_MAX))) {
      throw new StorageException.Invalid(
          "a lease until %s: here it is %s, and one lasts at most %d days"
              .formatted(until, now, LEASE_MAX.toDays()));
    }
    // Keeps it meanwhile, and checks that it is still there.
    var _ = garbage.lease(id, lsn);
    Timeline timeline = tenants.locked(() -> tenants.get(id.tenant()).get(id.timeline()));
    change(
        timeline,
        hold -> {
          HistoryHold next = hold.leased(new LsnLease(lsn, until), now);
          if (next.leases().size() > LEASES_MAX) {
            throw new StorageException.Precondition(
                "branch \"%s\" has %d leases, which is all that one can have"
                    .formatted(timeline.name(), LEASES_MAX));
          }
          return next;
        });
    log.info("LSN {} of {} is leased until {}", lsn, id, until);
    return timeline;
  }

  /** Ends a lease; does nothing if there is none. Those of readers end by themselves. */
  public Timeline release(TenantTimelineId id, Lsn lsn) throws StorageException {
    Timeline timeline = tenants.locked(() -> tenants.get(id.tenant()).get(id.timeline()));
    change(timeline, hold -> hold.released(lsn, clock.now()));
    return timeline;
  }

  private interface Step {
    HistoryHold after(HistoryHold before) throws StorageException;
  }

  private static void change(Timeline timeline, Step step) throws StorageException {
    var _ = timeline.change(index -> index.with().hold(step.after(index.hold())).build());
  }
}
