package io.coppice.pageserver.tenant;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.pageserver.remote.RemoteStore;
import io.coppice.pageserver.remote.TimelineIndex;
import io.coppice.pageserver.timeline.Ancestor;
import io.coppice.pageserver.timeline.Detachment;
import io.coppice.pageserver.timeline.Pace;
import io.coppice.pageserver.timeline.Timeline;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes branches off their parents. What can be read of a branch from its beginning on stays as it
 * is; what was before, it and the branches made of it have no more.
 *
 * <pre>
 *  1. all that the branch reads of its ancestors, as of its beginning, is uploaded as layers
 *  2. while no garbage is collected, under the tenants' lock: nothing holds history before that,
 *     and from here on nothing new can need it
 *  3. the index of the branch has these layers and no parent: now it counts
 *  4. readers here find the layers, and then no parent
 *  5. no later start can have read the index that was before: the parent is let go of
 * </pre>
 *
 * <p>If 3 fails, nobody knows whether it counts, so until the index was saved once more, as it was,
 * nothing new may need what it would take. If 5 fails the parent is not deleted before it was done
 * again. Thread safe; blocks.
 */
public final class BranchDetachment {
  private static final Logger log = LoggerFactory.getLogger(BranchDetachment.class);

  private final TenantStates tenants;
  private final GarbageCollection garbage;
  private final RemoteStore remote;
  private final Remedies remedies;
  private final Set<TenantTimelineId> underWay = ConcurrentHashMap.newKeySet();

  BranchDetachment(
      TenantStates tenants, GarbageCollection garbage, RemoteStore remote, Remedies remedies) {
    this.tenants = tenants;
    this.garbage = garbage;
    this.remote = remote;
    this.remedies = remedies;
  }

  /**
   * Takes a branch off its parent; does nothing to one that has none.
   *
   * @param flushMillis how long it may take an ancestor to write what is in memory
   * @param pace waited for before each few pages
   * @throws StorageException.Precondition if it is protected, archived or has expired, or if
   *     somebody holds history that would go
   * @throws StorageException.Transient also while another call for the same branch is under way
   */
  public Timeline detach(TenantTimelineId id, long flushMillis, Pace pace)
      throws StorageException, InterruptedException {
    // An earlier call may have left something in doubt.
    remedies.retry();
    if (!underWay.add(id)) {
      throw new StorageException.Transient(
          "branch %s is being detached from its parent".formatted(id.timeline()));
    }
    try {
      Timeline timeline = tenants.locked(() -> check(id));
      Optional<Ancestor> ancestor = timeline.ancestor();
      if (ancestor.isPresent()) {
        detach(timeline, ancestor.get(), flushMillis, pace);
      }
      return timeline;
    } finally {
      underWay.remove(id);
    }
  }

  private void detach(Timeline timeline, Ancestor ancestor, long flushMillis, Pace pace)
      throws StorageException, InterruptedException {
    try (Detachment detachment = timeline.beginDetachment()) {
      detachment.writeImages(flushMillis, pace);
      garbage.undisturbed(() -> commit(timeline.id(), detachment));
    }
    TimelineId parent = ancestor.timeline();
    if (!remedies.apply(() -> letGo(timeline.id(), parent))) {
      throw new StorageException.Transient(
          "branch \"%s\" has no parent any more, but %s is not let go of yet"
              .formatted(timeline.name(), parent));
    }
    log.info("branch {} ({}) is detached from {}", timeline.name(), timeline.id(), ancestor);
  }

  /** The branch, if it may be detached now. Under the lock. */
  private Timeline check(TenantTimelineId id) throws StorageException {
    TenantState state = tenants.get(id.tenant());
    Timeline timeline = state.get(id.timeline());
    timeline.checkUsable();
    state.checkNotDetaching(timeline);
    if (timeline.ancestor().isPresent()) {
      var _ = BranchChanges.refuseIfProtected(timeline.durableIndex());
      for (Timeline reader : state.readersOf(timeline)) {
        checkNothingHeld(state, reader, timeline);
      }
    }
    return timeline;
  }

  private void checkNothingHeld(TenantState state, Timeline reader, Timeline detached)
      throws StorageException.Precondition {
    Lsn start = detached.startLsn();
    if (!state.cutoff(reader).isBefore(start)) {
      return;
    }
    Optional<String> block = reader.durableIndex().hold().gcBlock();
    if (block.isPresent()) {
      throw new StorageException.Precondition(
          ("history of branch \"%s\" before %s would go, and is kept for \"%s\":"
                  + " `coppice branch gc %s --unblock` first")
              .formatted(reader.name(), start, block.get(), reader.name()));
    }
    Optional<Lsn> lease = garbage.oldestLease(reader);
    if (lease.isPresent() && lease.get().isBefore(start)) {
      throw new StorageException.Precondition(
          ("history of branch \"%s\" before %s would go, and its LSN %s is leased:"
                  + " `coppice branch lease %s --at %s --release` first, or wait for its end")
              .formatted(reader.name(), start, lease.get(), reader.name(), lease.get()));
    }
  }

  private void commit(TenantTimelineId id, Detachment detachment) throws StorageException {
    Timeline timeline =
        tenants.locked(() -> {
          // Anything may have happened while images were made.
          Timeline found = check(id);
          tenants.get(id.tenant()).startDetaching(found);
          return found;
        });
    boolean isSaved = false;
    try {
      detachment.commit(BranchDetachment::refuseUnlessUsable);
      isSaved = true;
    } finally {
      if (!isSaved) {
        var _ = remedies.apply(() -> settle(timeline));
      }
    }
  }

  private static TimelineIndex refuseUnlessUsable(TimelineIndex index) throws StorageException {
    index.term().checkUsable(index.name());
    return BranchChanges.refuseIfProtected(index);
  }

  /** Makes sure that the store has what is seen here: that it has its parent. */
  private void settle(Timeline timeline) throws StorageException {
    var _ = timeline.change(index -> index);
    tenants.locked(() -> {
      tenants.get(timeline.id().tenant()).cancelDetaching(timeline.id().timeline());
      return timeline;
    });
  }

  /**
   * Lets the parent be deleted, unless there is a later start: that one may have read the index as
   * it was, and may go by it.
   */
  private void letGo(TenantTimelineId id, TimelineId parent) throws StorageException {
    remote.checkNewest();
    tenants.locked(() -> {
      tenants.get(id.tenant()).finishDetaching(id.timeline(), parent);
      return parent;
    });
  }
}
