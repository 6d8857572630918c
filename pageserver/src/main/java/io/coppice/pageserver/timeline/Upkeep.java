package io.coppice.pageserver.timeline;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.pageserver.remote.DeletionQueue;
import io.coppice.pageserver.remote.DurableIndex;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The work on a timeline's layers that can wait: everything but flushing. */
final class Upkeep {
  private final DurableIndex index;
  private final List<UpkeepTask> tasks;

  Upkeep(
      DurableIndex index,
      TimelineEnvironment environment,
      Compaction compaction,
      ImageCreation images,
      DeletionQueue deletions) {
    this.index = index;
    TenantTimelineId id = index.current().id();
    tasks =
        List.of(
            new UpkeepTask("compaction of " + id, environment, compaction::isDue, compaction::run),
            new UpkeepTask("image creation of " + id, environment, images::isDue, images::run),
            new UpkeepTask(
                "deletion of layers of " + id, environment, deletions::isDue, deletions::run));
  }

  /**
   * Whether {@link #run} has something to do. What is archived is left as it is. Asked of all
   * timelines again and again, so it makes no garbage.
   */
  boolean isDue() {
    for (UpkeepTask task : tasks) {
      if (task.isDue()) {
        return !index.current().term().isArchived();
      }
    }
    return false;
  }

  /** What kept some of the last run from its end; null if nothing did. */
  @Nullable StorageException lastFailure() {
    for (UpkeepTask task : tasks) {
      if (task.lastFailure() != null) {
        return task.lastFailure();
      }
    }
    return null;
  }

  /** Does a bounded part of each kind of work that is due. */
  synchronized void run() {
    tasks.forEach(UpkeepTask::runIfDue);
  }
}
