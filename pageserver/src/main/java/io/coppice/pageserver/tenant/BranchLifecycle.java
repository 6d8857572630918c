package io.coppice.pageserver.tenant;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.platform.Clock;
import io.coppice.pageserver.remote.DurableIndex;
import io.coppice.pageserver.remote.LayerCache;
import io.coppice.pageserver.remote.RemoteStore;
import io.coppice.pageserver.remote.TimelineIndex;
import io.coppice.pageserver.timeline.RecordPosition;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.pageserver.timeline.TimelineEnvironment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** How branches come and go. Thread safe. */
final class BranchLifecycle {
  private static final Logger log = LoggerFactory.getLogger(BranchLifecycle.class);
  private static final int NAMES_SHOWN_MAX = 10;

  private final TenantStates tenants;
  private final TimelineEnvironment environment;
  private final RemoteStore remote;
  private final Path layersDirectory;
  private final Clock clock;
  // Of calls to make a branch that failed.
  private final Remedies unsure = new Remedies();
  private final Set<TenantTimelineId> beingDeleted = ConcurrentHashMap.newKeySet();

  BranchLifecycle(
      TenantStates tenants,
      TimelineEnvironment environment,
      RemoteStore remote,
      Path layersDirectory,
      Clock clock) {
    this.tenants = tenants;
    this.environment = environment;
    this.remote = remote;
    this.layersDirectory = layersDirectory;
    this.clock = clock;
  }

  /** As {@link TenantManager#createBranch}. */
  Timeline create(BranchRequest request) throws StorageException, InterruptedException {
    Names.check(request.name());
    // The same may have failed before, and be in the way.
    unsure.retry();
    Timeline parent = tenants.locked(() -> tenants.get(request.tenant()).get(request.parent()));
    Optional<Timeline> existing = existing(request);
    if (existing.isPresent()) {
      return existing.get();
    }
    parent.checkUsable();
    RecordPosition at = NewTimelines.branchPoint(request, parent);
    TimelineIndex index = reserve(request, parent, at);
    try {
      claimAncestors(parent);
      remote.saveIndex(index);
    } catch (StorageException e) {
      // It may be there, and then needs what is kept for it, until it is known to be gone.
      var _ =
          unsure.apply(() -> {
            remote.deleteTimeline(index);
            cancel(request);
          });
      throw e;
    }
    Timeline timeline = Timeline.open(environment, index, parent);
    tenants.locked(() -> {
      tenants.get(request.tenant()).addReserved(timeline);
      return timeline;
    });
    tenants.tellAdded(timeline);
    log.info(
        "made branch {} of {} at {}: {}", request.name(), parent.name(), at.last(), index.id());
    return timeline;
  }

  /** The branch, if the same request was carried out before. */
  private Optional<Timeline> existing(BranchRequest request) throws StorageException {
    return tenants.locked(() -> {
      Timeline found = tenants.get(request.tenant()).find(request.timeline());
      if (found == null) {
        return Optional.empty();
      }
      boolean isSame =
          found.name().equals(request.name())
              && found.ancestor().map(a -> a.timeline().equals(request.parent())).orElse(false)
              && NewTimelines.isBranchPoint(request.lsn(), found);
      if (!isSame) {
        throw new StorageException.Conflict(
            "branch %s exists already, as \"%s\" of %s at %s"
                .formatted(
                    request.timeline(),
                    found.name(),
                    found.ancestor().map(a -> a.timeline().toString()).orElse("no parent"),
                    found.startLsn()));
      }
      return Optional.of(found);
    });
  }

  private TimelineIndex reserve(BranchRequest request, Timeline parent, RecordPosition at)
      throws StorageException {
    Lsn readableFrom =
        tenants.locked(() -> {
          TenantState state = tenants.get(request.tenant());
          // It may have gone, or been archived, since it was looked up.
          Timeline found = state.get(request.parent());
          found.checkUsable();
          state.checkFree(request.timeline());
          state.checkFree(request.name());
          return state.reserve(request.timeline(), request.name(), found, at.last());
        });
    return NewTimelines.branch(request, parent, at, readableFrom, clock.now())
        .with()
        .term(request.term())
        .build();
  }

  /**
   * What a branch needs of its ancestors must not be taken from them by an earlier start, whose
   * garbage collection does not know the branch.
   */
  static void claimAncestors(Timeline parent) throws StorageException {
    for (Timeline at = parent; at != null; at = at.ancestorTimeline()) {
      at.claim();
    }
  }

  private void cancel(BranchRequest request) throws StorageException {
    tenants.locked(() -> {
      TenantState state = tenants.get(request.tenant());
      state.cancelReservation(request.timeline(), request.name(), request.parent());
      return state;
    });
  }

  /**
   * Deletes a branch and its layers, or goes on where an earlier call failed. What is left is the
   * marked index, for {@link DeletedWal}.
   *
   * @param condition refuses the deletion, with {@code Precondition}, if the branch is not as it
   *     was
   */
  void delete(TenantTimelineId id, DurableIndex.Step condition) throws StorageException {
    alone(id, () -> finish(start(id, condition)));
  }

  /** Goes on with deletions, and undoes creations, that failed. */
  void retry() {
    unsure.retry();
    List<TenantTimelineId> failed = new ArrayList<>();
    tenants.lockedQuietly(() ->
        tenants.all().forEach(state -> state.deleting().forEach(index -> failed.add(index.id()))));
    for (TenantTimelineId id : failed) {
      try {
        alone(
            id,
            () -> {
              // It may have been finished meanwhile, and another one have been made with its id.
              Optional<TimelineIndex> begun = begun(id);
              if (begun.isPresent()) {
                finish(begun.get());
              }
            });
      } catch (StorageException e) {
        log.warn("deleting {} failed: {}", id, e.getMessage());
      }
    }
  }

  private interface Deletion {
    void run() throws StorageException;
  }

  /** Two deletions of one timeline at once could delete what is made anew behind the first. */
  private void alone(TenantTimelineId id, Deletion deletion) throws StorageException {
    if (!beingDeleted.add(id)) {
      throw new StorageException.Transient("branch " + id + " is being deleted");
    }
    try {
      deletion.run();
    } finally {
      beingDeleted.remove(id);
    }
  }

  private void finish(TimelineIndex index) throws StorageException {
    TenantTimelineId id = index.id();
    remote.emptyTimeline(index);
    new LayerCache(remote, id, LayerCache.directory(layersDirectory, id)).removeAll();
    tenants.locked(() -> {
      tenants.get(id.tenant()).finishDeleting(index);
      return index;
    });
    log.info("deleted branch {} ({})", index.name(), id);
  }

  private Optional<TimelineIndex> begun(TenantTimelineId id) throws StorageException {
    return tenants.locked(
        () -> Optional.ofNullable(tenants.get(id.tenant()).deleting(id.timeline())));
  }

  /** Takes a timeline out of use, or finds that an earlier call has done so. */
  private TimelineIndex start(TenantTimelineId id, DurableIndex.Step condition)
      throws StorageException {
    Optional<TimelineIndex> begun = begun(id);
    if (begun.isPresent()) {
      return begun.get();
    }
    Timeline timeline =
        tenants.locked(() -> {
          TenantState state = tenants.get(id.tenant());
          Timeline found = state.get(id.timeline());
          state.checkDeletable(found, NAMES_SHOWN_MAX);
          state.hide(found);
          return found;
        });
    try {
      // From here on no change is made to it that somebody is told of.
      var _ = timeline.change(before -> condition.after(before).with().deleted(true).build());
    } catch (StorageException.Precondition e) {
      tenants.locked(() -> {
        tenants.get(id.tenant()).addReserved(timeline);
        return timeline;
      });
      throw e;
    } catch (StorageException e) {
      log.warn("deleting {} failed, and is to be done again: {}", id, e.getMessage());
    }
    tenants.tellRemoved(id);
    TimelineIndex index = timeline.close("it is deleted");
    tenants.locked(() -> {
      tenants.get(id.tenant()).startDeleting(index);
      return index;
    });
    return index;
  }
}
