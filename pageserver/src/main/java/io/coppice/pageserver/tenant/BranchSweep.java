package io.coppice.pageserver.tenant;

import io.coppice.common.error.StorageException;
import io.coppice.common.platform.Clock;
import io.coppice.pageserver.remote.BranchTerm;
import io.coppice.pageserver.remote.TimelineIndex;
import io.coppice.pageserver.timeline.Timeline;
import java.time.Instant;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What time does to branches, in two steps that are a grace period apart: one that is due is noted
 * as expired, from when on it cannot be used; and it is deleted, if it was not recovered by then
 * and has no branches. The period begins when the first is noted, so that a page server that was
 * away, or a clock that has jumped, takes nobody's time to look. Also finishes deletions that
 * failed, and has the WAL of what was deleted go.
 */
final class BranchSweep {
  private static final Logger log = LoggerFactory.getLogger(BranchSweep.class);

  private final TenantStates tenants;
  private final BranchLifecycle lifecycle;
  private final DeletedWal deletedWal;
  private final Remedies remedies;
  private final Clock clock;
  private final long graceMillis;

  BranchSweep(
      TenantStates tenants,
      BranchLifecycle lifecycle,
      DeletedWal deletedWal,
      Remedies remedies,
      Clock clock,
      long graceMillis) {
    this.tenants = tenants;
    this.lifecycle = lifecycle;
    this.deletedWal = deletedWal;
    this.remedies = remedies;
    this.clock = clock;
    this.graceMillis = graceMillis;
  }

  void run() {
    remedies.retry();
    lifecycle.retry();
    Instant now = clock.now();
    for (Timeline timeline : tenants.timelines()) {
      try {
        end(timeline, now);
      } catch (StorageException.Precondition | StorageException.NotFound e) {
        // It has branches, or somebody was faster.
        log.debug("{} stays for now: {}", timeline.id(), e.getMessage());
      } catch (StorageException e) {
        log.warn("branch {} could not be ended: {}", timeline.name(), e.getMessage());
      }
    }
    deletedWal.run();
  }

  private void end(Timeline timeline, Instant now) throws StorageException {
    if (isOver(timeline.term(), now)) {
      lifecycle.delete(timeline.id(), index -> requireOver(index, now));
      log.info("branch {} ({}) had expired and is deleted", timeline.name(), timeline.id());
    } else if (isDue(timeline.term(), now)) {
      TimelineIndex index =
          timeline.change(before ->
              isDue(before.term(), now)
                  ? before.with().term(before.term().withExpiredAt(now)).build()
                  : before);
      if (index.term().isExpired()) {
        log.info(
            "branch {} ({}) has expired, and is deleted at {} if it is not recovered",
            index.name(),
            index.id(),
            now.plusMillis(graceMillis));
      }
    }
  }

  private static boolean isDue(BranchTerm term, Instant now) {
    return !term.isExpired()
        && !term.isProtected()
        && term.expiresAt().map(at -> !at.isAfter(now)).orElse(false);
  }

  private boolean isOver(BranchTerm term, Instant now) {
    return !term.isProtected()
        && term.expiredAt().map(at -> !at.plusMillis(graceMillis).isAfter(now)).orElse(false);
  }

  private TimelineIndex requireOver(TimelineIndex index, Instant now)
      throws StorageException.Precondition {
    if (!isOver(index.term(), now)) {
      throw new StorageException.Precondition("branch " + index.name() + " was recovered");
    }
    return index;
  }
}
