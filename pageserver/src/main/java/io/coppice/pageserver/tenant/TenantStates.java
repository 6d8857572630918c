package io.coppice.pageserver.tenant;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.pageserver.timeline.Timeline;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** The tenants in memory, and the lock that is held for whatever is done with them. */
final class TenantStates {
  private final ReentrantLock lock = new ReentrantLock();
  private final Map<TenantId, TenantState> tenants = new HashMap<>();
  private final Map<TenantId, StorageException> broken = new HashMap<>();
  private @Nullable BranchListener listener;

  /** Something that is done under the lock. */
  @FunctionalInterface
  interface Work<T extends @Nullable Object> {
    T run() throws StorageException;
  }

  /** Does it under the lock, so it must neither wait nor call whoever is outside. */
  <T extends @Nullable Object> T locked(Work<T> work) throws StorageException {
    lock.lock();
    try {
      return work.run();
    } finally {
      lock.unlock();
    }
  }

  /** As {@link #locked}, of what cannot fail. */
  void lockedQuietly(Runnable work) {
    lock.lock();
    try {
      work.run();
    } finally {
      lock.unlock();
    }
  }

  /**
   * The tenant of that id. Under the lock.
   *
   * @throws StorageException.NotFound if there is none
   */
  TenantState get(TenantId id) throws StorageException {
    TenantState state = tenants.get(id);
    if (state == null) {
      StorageException damage = broken.get(id);
      if (damage != null) {
        throw new StorageException.Corrupt("tenant %s: %s".formatted(id, damage.getMessage()));
      }
      throw new StorageException.NotFound("there is no tenant " + id);
    }
    return state;
  }

  /** All that are usable, in no order. Under the lock. */
  Collection<TenantState> all() {
    return tenants.values();
  }

  boolean isIdTaken(TenantId id) {
    return tenants.containsKey(id) || broken.containsKey(id);
  }

  void put(TenantState tenant) {
    tenants.put(tenant.record().id(), tenant);
  }

  void putAll(Map<TenantId, TenantState> found, Map<TenantId, StorageException> damaged) {
    tenants.putAll(found);
    broken.putAll(damaged);
  }

  /** All branches of all tenants. */
  List<Timeline> timelines() {
    List<Timeline> found = new ArrayList<>();
    lockedQuietly(() -> tenants.values().forEach(tenant -> found.addAll(tenant.timelines())));
    return found;
  }

  /**
   * Sets who hears of branches, and returns those that are there, of which it was not told; not
   * those that are archived.
   */
  List<Timeline> setListener(BranchListener newListener) {
    List<Timeline> found = new ArrayList<>();
    lockedQuietly(() -> {
      listener = newListener;
      tenants.values().forEach(tenant -> found.addAll(tenant.timelines()));
    });
    found.removeIf(timeline -> timeline.term().isArchived());
    return found;
  }

  /** Tells the listener; not under the lock. */
  void tellAdded(Timeline timeline) {
    BranchListener heard = listener();
    if (heard != null) {
      heard.added(timeline);
    }
  }

  /** Tells the listener; not under the lock. */
  void tellRemoved(TenantTimelineId id) {
    BranchListener heard = listener();
    if (heard != null) {
      heard.removed(id);
    }
  }

  private @Nullable BranchListener listener() {
    lock.lock();
    try {
      return listener;
    } finally {
      lock.unlock();
    }
  }
}
