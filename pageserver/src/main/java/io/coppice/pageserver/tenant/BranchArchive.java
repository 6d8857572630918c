package io.coppice.pageserver.tenant;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.platform.Clock;
import io.coppice.pageserver.layer.LayerHandle;
import io.coppice.pageserver.timeline.Timeline;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Puts branches away, and brings them back. A branch that is archived stays in the object store,
 * with all it needs of its ancestors; here it is a name and an index. What is not archived can read
 * from its ancestors, so none of those is.
 *
 * <pre>
 *  1. what is in memory is written and uploaded
 *  2. under the tenants' lock: it has no branches that are not archived, and from here on gets none
 *  3. the index says that it is archived: now it counts
 *  4. its WAL is not followed any more, and its files here are deleted
 * </pre>
 *
 * <p>A start that finds 3 without 4 deletes the files. If 3 fails, nobody knows whether it counts,
 * so the branch is not used before its index was saved again. Thread safe; blocks.
 */
public final class BranchArchive {
  private static final Logger log = LoggerFactory.getLogger(BranchArchive.class);
  private static final int NAMES_SHOWN_MAX = 10;

  private final TenantStates tenants;
  private final Clock clock;
  private final Remedies remedies;
  // That a branch comes back and that its parent goes must not happen at once.
  private final ReentrantLock changing = new ReentrantLock();

  BranchArchive(TenantStates tenants, Clock clock, Remedies remedies) {
    this.tenants = tenants;
    this.clock = clock;
    this.remedies = remedies;
  }

  /**
   * Archives a branch; does nothing to one that is.
   *
   * @param flushMillis how long writing what is in memory may take
   * @throws StorageException.Precondition if it has branches that are not archived, or has expired
   */
  public Timeline archive(TenantTimelineId id, long flushMillis)
      throws StorageException, InterruptedException {
    Timeline timeline = find(id);
    if (!timeline.term().isArchived()) {
      timeline.checkUsable();
      timeline.flush(flushMillis);
      changing.lock();
      try {
        archiveLocked(timeline);
      } finally {
        changing.unlock();
      }
    }
    evict(timeline);
    return timeline;
  }

  private void archiveLocked(Timeline timeline) throws StorageException {
    tenants.locked(() -> {
      TenantState state = tenants.get(timeline.id().tenant());
      Timeline found = state.get(timeline.id().timeline());
      found.checkUsable();
      state.checkArchivable(found, NAMES_SHOWN_MAX);
      hold(found, "archived");
      return found;
    });
    save(timeline, Optional.of(clock.now()));
    tenants.tellRemoved(timeline.id());
    log.info("archived branch {} ({})", timeline.name(), timeline.id());
  }

  private static void hold(Timeline timeline, String what) {
    timeline.hold(
        new StorageException.Transient(
            "branch \"%s\" is being %s".formatted(timeline.name(), what)));
  }

  /** Saves that a timeline that is held is archived, or is not, and lets go of it. */
  private void save(Timeline timeline, Optional<Instant> archivedAt) throws StorageException {
    boolean saved = false;
    try {
      var _ =
          timeline.change(
              index -> index.with().term(index.term().withArchivedAt(archivedAt)).build());
      saved = true;
      timeline.hold(null);
    } finally {
      if (!saved) {
        var _ = remedies.apply(() -> settle(timeline));
      }
    }
  }

  /** Makes sure that the store has what is seen here, and then lets it be used. */
  private static void settle(Timeline timeline) throws StorageException {
    var _ = timeline.change(index -> index);
    timeline.hold(null);
  }

  private static void evict(Timeline timeline) throws StorageException {
    List<LayerHandle> layers = timeline.acquireEvictable();
    try {
      for (LayerHandle layer : layers) {
        var _ = layer.evict();
      }
    } finally {
      layers.forEach(LayerHandle::release);
    }
  }

  /**
   * Brings a branch back; does nothing to one that is not archived. Its layers come when they are
   * read.
   *
   * @throws StorageException.Precondition if its parent is archived
   */
  public Timeline unarchive(TenantTimelineId id) throws StorageException {
    Timeline timeline = find(id);
    changing.lock();
    try {
      if (timeline.term().isArchived()) {
        unarchiveLocked(timeline);
      }
    } finally {
      changing.unlock();
    }
    return timeline;
  }

  private void unarchiveLocked(Timeline timeline) throws StorageException {
    tenants.locked(() -> {
      // It may be going.
      Timeline found = tenants.get(timeline.id().tenant()).get(timeline.id().timeline());
      found.checkNotHeld();
      Timeline parent = found.ancestorTimeline();
      if (parent != null) {
        parent.checkNotHeld();
        if (parent.term().isArchived()) {
          throw new StorageException.Precondition(
              "the parent of branch \"%s\" is archived: `coppice branch unarchive %s` first"
                  .formatted(found.name(), parent.name()));
        }
      }
      hold(found, "brought back");
      return found;
    });
    save(timeline, Optional.empty());
    tenants.tellAdded(timeline);
    log.info("branch {} ({}) is not archived any more", timeline.name(), timeline.id());
  }

  private Timeline find(TenantTimelineId id) throws StorageException {
    return tenants.locked(() -> tenants.get(id.tenant()).get(id.timeline()));
  }
}
