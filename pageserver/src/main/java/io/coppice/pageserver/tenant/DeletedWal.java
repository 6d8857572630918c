package io.coppice.pageserver.tenant;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.pageserver.remote.RemoteStore;
import java.util.HashSet;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The WAL of deleted branches. Whoever keeps some is told until all have deleted it; only then the
 * marked index goes, which says after a restart that there may be more to do.
 *
 * <p>Nobody may ever read such a branch again when its WAL goes. That is so once its index is
 * marked and there was no later start then: it had no branches, it cannot be recovered, and every
 * later start finds the mark.
 */
final class DeletedWal {
  private static final Logger log = LoggerFactory.getLogger(DeletedWal.class);

  private final TenantStates tenants;
  private final RemoteStore remote;
  private final WalKeepers keepers;

  DeletedWal(TenantStates tenants, RemoteStore remote, WalKeepers keepers) {
    this.tenants = tenants;
    this.remote = remote;
    this.keepers = keepers;
  }

  /** Branches of which WAL may be left. */
  Set<TenantTimelineId> left() {
    Set<TenantTimelineId> left = new HashSet<>();
    tenants.lockedQuietly(() ->
        tenants
            .all()
            .forEach(state ->
                state
                    .deleted()
                    .forEach(id -> left.add(new TenantTimelineId(state.record().id(), id)))));
    return left;
  }

  /** Has it deleted where it is kept, as far as they answer. */
  void run() {
    Set<TenantTimelineId> left = left();
    if (left.isEmpty()) {
      return;
    }
    try {
      remote.checkNewest();
      for (TenantTimelineId id : keepers.delete(left)) {
        remote.forgetTimeline(id);
        tenants.locked(() -> {
          tenants.get(id.tenant()).forget(id.timeline());
          return id;
        });
        log.info("nothing is left of deleted branch {}", id);
      }
    } catch (StorageException.Fenced e) {
      log.debug("the WAL of deleted branches is left to others: {}", e.getMessage());
    } catch (StorageException e) {
      log.warn("the WAL of {} deleted branches stays for now: {}", left.size(), e.getMessage());
    }
  }
}
