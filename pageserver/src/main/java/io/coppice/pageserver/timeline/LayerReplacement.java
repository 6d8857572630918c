package io.coppice.pageserver.timeline;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.pageserver.layer.LayerDescriptor;
import io.coppice.pageserver.layer.LayerName;
import io.coppice.pageserver.remote.DeletionQueue;
import io.coppice.pageserver.remote.DurableIndex;
import io.coppice.pageserver.remote.LayerCache;
import io.coppice.pageserver.remote.TimelineIndex;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Puts layers of a timeline in the place of others: durable first, then seen by readers, in one
 * step; then what was replaced goes, once nobody reads it. Thread safe, beside flushes and other
 * replacements: of two that want the same layer the second is refused.
 */
final class LayerReplacement {
  private static final Logger log = LoggerFactory.getLogger(LayerReplacement.class);

  private final TimelineEnvironment environment;
  private final DurableIndex index;
  private final LayerCache cache;
  private final TimelineLayers layers;
  private final DeletionQueue deletions;

  // Held until readers see what the index says, so that the next one finds both the same.
  private final ReentrantLock replacing = new ReentrantLock();

  LayerReplacement(
      TimelineEnvironment environment,
      DurableIndex index,
      LayerCache cache,
      TimelineLayers layers,
      DeletionQueue deletions) {
    this.environment = environment;
    this.index = index;
    this.cache = cache;
    this.layers = layers;
    this.deletions = deletions;
  }

  /**
   * Replaces layers.
   *
   * @param gone named by the durable index
   * @param added written, synced and uploaded; none is allowed. If this fails they are deleted,
   *     which the caller must not see to
   * @throws StorageException.Conflict if one of {@code gone} is not part of the timeline any more
   */
  void replace(Collection<LayerName> gone, List<LayerDescriptor> added) throws StorageException {
    replace(gone, added, index -> index);
  }

  /** As {@link #replace(Collection, List)}, with more that the same write of the index changes. */
  void replace(Collection<LayerName> gone, List<LayerDescriptor> added, DurableIndex.Step further)
      throws StorageException {
    replacing.lock();
    try {
      replaceLocked(gone, added, further);
    } finally {
      replacing.unlock();
    }
  }

  private void replaceLocked(
      Collection<LayerName> gone, List<LayerDescriptor> added, DurableIndex.Step further)
      throws StorageException {
    List<LayerName> addedNames = added.stream().map(LayerDescriptor::name).toList();
    deletions.keep(gone);
    try {
      var _ = index.change(before -> further.after(step(before, gone, added)));
    } catch (StorageException e) {
      gone.forEach(deletions::unread);
      deletions.abandon(addedNames);
      throw e;
    }
    TenantTimelineId id = index.current().id();
    try {
      layers.replaceFiles(gone, environment.handles(cache, id, added), deletions::unread);
    } catch (StorageException e) {
      // Closed meanwhile. The index has it, so it is done, and whoever opens it next finds that.
      log.info("layers of {} were replaced as it was closed: {}", id, e.getMessage());
    }
  }

  /** Has layers deleted that were written, and maybe uploaded, and are not wanted after all. */
  void abandon(Collection<LayerName> added) {
    deletions.abandon(added);
  }

  private static TimelineIndex step(
      TimelineIndex before, Collection<LayerName> gone, List<LayerDescriptor> added)
      throws StorageException {
    Set<LayerName> left = new LinkedHashSet<>(gone);
    List<LayerDescriptor> next = new ArrayList<>();
    for (LayerDescriptor layer : before.layers()) {
      if (!left.remove(layer.name())) {
        next.add(layer);
      }
    }
    if (!left.isEmpty()) {
      throw new StorageException.Conflict(
          "layer %s is not part of %s any more".formatted(left.iterator().next(), before.id()));
    }
    next.addAll(added);
    Set<LayerName> removed = new LinkedHashSet<>(before.removed());
    removed.addAll(gone);
    return before.with().layers(next).removed(new ArrayList<>(removed)).build();
  }
}
