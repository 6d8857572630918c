package io.coppice.pageserver.server;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.platform.Clock;
import io.coppice.pageserver.query.CommitIndex;
import io.coppice.pageserver.tenant.TenantInfo;
import io.coppice.pageserver.timeline.Timeline;
import java.time.Instant;

/** Times that somebody names, and the states of a branch that they mean. */
final class Moments {
  private final Timelines timelines;
  private final Clock clock;

  Moments(Timelines timelines, Clock clock) {
    this.timelines = timelines;
    this.clock = clock;
  }

  /** Where a branch of {@code parent} at a time begins. */
  Lsn branchPoint(Timeline parent, Instant time) throws StorageException, InterruptedException {
    CommitIndex.Found found = find(parent, time);
    if (found.kind() == CommitIndex.Kind.PAST) {
      TenantInfo tenant = timelines.tenants().tenant(parent.id().tenant());
      Instant begin =
          timelines.tenants().branch(tenant.id(), tenant.rootTimeline().toString()).createdAt();
      if (time.isBefore(begin)) {
        throw new StorageException.Precondition(
            "branch %s has no history at %s: it begins at %s"
                .formatted(parent.name(), time, begin));
      }
    }
    return found.lsn();
  }

  /** After the last commit that is known, the answer may be wrong until all WAL is here. */
  CommitIndex.Found find(Timeline timeline, Instant time)
      throws StorageException, InterruptedException {
    Instant now = clock.now();
    if (time.isAfter(now)) {
      throw new StorageException.Invalid("%s is in the future: here it is %s".formatted(time, now));
    }
    CommitIndex.Found found = CommitIndex.atTime(timeline, time);
    if (found.kind() == CommitIndex.Kind.PRESENT) {
      return found;
    }
    timelines.awaitCommitted(timeline);
    return CommitIndex.atTime(timeline, time);
  }
}
