package io.coppice.pageserver.timeline;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.pageserver.layer.LayerSet;
import io.coppice.pageserver.layer.VersionedValue;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A way from a timeline up through its ancestors as of one LSN. Holds the layers of those it has
 * been to, so that a batch of keys sees the same ones; not thread safe.
 */
final class Traversal implements AutoCloseable {

  /**
   * A timeline on the way, and the newest LSN that counts there.
   *
   * @param ancestor what it read from before its layers were acquired; null for a root
   */
  record Stop(Timeline timeline, Lsn lsn, @Nullable Timeline ancestor, LayerSet layers) {

    // A timeline that is detached has images in the place of its ancestor first, and then none, so
    // whoever looks in the other order finds the one or the other.
    static Stop at(Timeline timeline, Lsn lsn) throws StorageException {
      Timeline ancestor = timeline.ancestorTimeline();
      return new Stop(timeline, lsn, ancestor, timeline.acquireLayers());
    }

    Stop withFilesAlone() {
      return new Stop(timeline, lsn, ancestor, layers.toFilesAlone());
    }
  }

  private final List<Stop> stops = new ArrayList<>(1);

  Traversal(Timeline timeline, Lsn lsn) throws StorageException {
    stops.add(Stop.at(timeline, lsn));
  }

  /** The timeline at a depth of ancestry, 0 being where it began; null if there are fewer. */
  @Nullable Stop stop(int depth) throws StorageException {
    if (depth == stops.size()) {
      Stop last = stops.getLast();
      Timeline ancestor = last.ancestor();
      if (ancestor == null) {
        return null;
      }
      stops.add(next(last.timeline(), ancestor, Lsn.min(last.lsn(), last.timeline().startLsn())));
    }
    return stops.get(depth);
  }

  /**
   * The ancestor, if it is one still once its layers are acquired: then it had all that is needed
   * of it. If not, the timeline itself with the images that it has instead.
   */
  private static Stop next(Timeline timeline, Timeline ancestor, Lsn lsn) throws StorageException {
    try {
      ancestor.reader().awaitAsAncestor(lsn);
      Stop next = Stop.at(ancestor, lsn);
      if (timeline.ancestorTimeline() == ancestor) {
        return next;
      }
      next.layers().release();
    } catch (StorageException.Transient e) {
      // It may be deleted by now.
      if (timeline.ancestorTimeline() == ancestor) {
        throw e;
      }
    }
    return Stop.at(timeline, lsn);
  }

  /**
   * Whether none of the timelines was closed before all of their layers were acquired: then nobody
   * can have taken them for deleted, and have dropped what only they read.
   */
  boolean isOpen() {
    for (Stop stop : stops) {
      if (stop.timeline().isClosed()) {
        return false;
      }
    }
    return true;
  }

  /** All timelines from here to the root. */
  List<Stop> toRoot() throws StorageException {
    int depth = stops.size();
    while (stop(depth) != null) {
      depth++;
    }
    return stops;
  }

  /**
   * Lets go of what is in memory, for work that takes long and needs files alone; from then on the
   * stops so far are without it.
   */
  void keepFilesAlone() {
    stops.replaceAll(Stop::withFilesAlone);
  }

  /** Whether a newer image, which has all that existed, lacks this version's key. */
  boolean isHidden(VersionedValue version) {
    for (Stop stop : stops) {
      if (stop.layers().isHiddenByImage(version, stop.lsn())) {
        return true;
      }
    }
    return false;
  }

  @Override
  public void close() {
    stops.forEach(stop -> stop.layers().release());
    stops.clear();
  }
}
