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

  /** A timeline on the way, and the newest LSN that counts there. */
  record Stop(Timeline timeline, Lsn lsn, LayerSet layers) {}

  private final List<Stop> stops = new ArrayList<>(1);

  Traversal(Timeline timeline, Lsn lsn) throws StorageException {
    stops.add(new Stop(timeline, lsn, timeline.acquireLayers()));
  }

  /** The timeline at a depth of ancestry, 0 being where it began; null if there are fewer. */
  @Nullable Stop stop(int depth) throws StorageException {
    if (depth == stops.size()) {
      Stop last = stops.getLast();
      Timeline ancestor = last.timeline().ancestorTimeline();
      if (ancestor == null) {
        return null;
      }
      Lsn lsn = Lsn.min(last.lsn(), last.timeline().startLsn());
      ancestor.reader().awaitAsAncestor(lsn);
      stops.add(new Stop(ancestor, lsn, ancestor.acquireLayers()));
    }
    return stops.get(depth);
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
