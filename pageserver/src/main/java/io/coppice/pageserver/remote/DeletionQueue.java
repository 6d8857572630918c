package io.coppice.pageserver.remote;

import io.coppice.common.error.Invariant;
import io.coppice.common.error.StorageException;
import io.coppice.pageserver.layer.LayerDescriptor;
import io.coppice.pageserver.layer.LayerName;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The layers of a timeline that are no longer part of it: their files and objects go, some time
 * after the index stopped to name them, and not while somebody here reads them. Thread safe; {@link
 * #run} blocks.
 *
 * <p>The queue is in the index itself, as {@link TimelineIndex#removed}: what takes a layer out of
 * it puts the name into the queue by the same write, so that a crash finds either both or neither.
 * A name leaves the queue once its object is gone. Deleting twice does no harm, for no layer ever
 * gets the name of another.
 *
 * <p>A page server that another has followed must not delete: the other one may have begun with an
 * index that still names the layer. So each batch asks first whether there is a later start, after
 * the index was saved: one that comes later still reads that index.
 */
public final class DeletionQueue {
  private static final Logger log = LoggerFactory.getLogger(DeletionQueue.class);
  private static final int BATCH_OBJECTS_MAX = 1000;

  private final RemoteStore remote;
  private final LayerCache cache;
  private final DurableIndex index;

  // Names that are, or may come, into the index's queue, and by how many they are kept.
  private final Map<LayerName, Integer> kept = new HashMap<>();
  // Of layers that never became part of the timeline, and are not in the index's queue yet.
  private final Set<LayerName> abandoned = new LinkedHashSet<>();
  private boolean fenced;

  public DeletionQueue(RemoteStore remote, LayerCache cache, DurableIndex index) {
    this.remote = remote;
    this.cache = cache;
    this.index = index;
  }

  /**
   * Keeps layers until {@link #unread} has been called as often; called before an index is saved
   * that has them in the queue.
   */
  public synchronized void keep(Collection<LayerName> layers) {
    layers.forEach(layer -> kept.merge(layer, 1, Integer::sum));
  }

  /** Whoever kept this layer does so no longer: nobody reads it, or it was not replaced. */
  public synchronized void unread(LayerName layer) {
    kept.computeIfPresent(layer, (_, count) -> count == 1 ? null : count - 1);
  }

  /**
   * Has layers deleted that never became part of the timeline, as far as is known here: an index
   * that names them may have been stored all the same, so another one is saved first.
   */
  public synchronized void abandon(Collection<LayerName> layers) {
    abandoned.addAll(layers);
  }

  /** Whether {@link #run} has something to do. */
  public synchronized boolean isDue() {
    boolean isEmpty = abandoned.isEmpty() && index.current().removed().isEmpty();
    return !isEmpty && !fenced && (!abandoned.isEmpty() || !due().isEmpty());
  }

  private synchronized List<LayerName> due() {
    return index.current().removed().stream().filter(name -> !kept.containsKey(name)).toList();
  }

  private synchronized List<LayerName> abandoned() {
    return List.copyOf(abandoned);
  }

  /** Names in the queue, those that wait for readers among them. */
  public int size() {
    return index.current().removed().size();
  }

  /** Deletes what is due. After a failure all of it is done again. */
  public void run() throws StorageException {
    if (isFenced()) {
      return;
    }
    List<LayerName> lost = abandoned();
    if (!lost.isEmpty()) {
      var _ = index.change(before -> before.with().removed(joined(before, lost)).build());
      forget(lost);
    }
    List<LayerName> due = due();
    for (int from = 0; from < due.size(); from += BATCH_OBJECTS_MAX) {
      deleteBatch(due.subList(from, Math.min(due.size(), from + BATCH_OBJECTS_MAX)));
    }
  }

  private static List<LayerName> joined(TimelineIndex before, List<LayerName> more) {
    Set<LayerName> all = new LinkedHashSet<>(before.removed());
    all.addAll(more);
    before.layers().forEach(layer -> all.remove(layer.name()));
    return new ArrayList<>(all);
  }

  private synchronized void forget(List<LayerName> names) {
    names.forEach(abandoned::remove);
  }

  private synchronized boolean isFenced() {
    return fenced;
  }

  private void deleteBatch(List<LayerName> batch) throws StorageException {
    Set<LayerName> named =
        index.current().layers().stream().map(LayerDescriptor::name).collect(Collectors.toSet());
    for (LayerName layer : batch) {
      Invariant.check(!named.contains(layer), "%s is to be deleted, but is in the index", layer);
      cache.remove(layer);
    }
    try {
      remote.checkNewest();
    } catch (StorageException.Fenced e) {
      log.warn("objects of {} are left to others: {}", index.current().id(), e.getMessage());
      fence();
      return;
    }
    for (LayerName layer : batch) {
      remote.deleteLayer(index.current().id(), layer);
    }
    Set<LayerName> gone = Set.copyOf(batch);
    var _ =
        index.change(before ->
            before
                .with()
                .removed(before.removed().stream().filter(name -> !gone.contains(name)).toList())
                .build());
    log.info("deleted {} layers of {}", batch.size(), index.current().id());
  }

  private synchronized void fence() {
    fenced = true;
  }
}
