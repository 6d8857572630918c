package io.coppice.pageserver.timeline;

import io.coppice.common.id.TenantTimelineId;
import io.coppice.pageserver.remote.DeletionQueue;
import java.util.List;

/** The work on a timeline's layers that can wait: everything but flushing. */
final class Upkeep {
  private final List<UpkeepTask> tasks;

  Upkeep(TenantTimelineId id, TimelineEnvironment environment, DeletionQueue deletions) {
    tasks =
        List.of(
            new UpkeepTask(
                "deletion of layers of " + id,
                environment.clock(),
                deletions::isDue,
                deletions::run));
  }

  /** Whether {@link #run} has something to do. */
  boolean isDue() {
    return tasks.stream().anyMatch(UpkeepTask::isDue);
  }

  /** Does a bounded part of each kind of work that is due. */
  synchronized void run() {
    tasks.forEach(UpkeepTask::runIfDue);
  }
}
