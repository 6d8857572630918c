package io.coppice.pageserver.timeline;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.key.Key;
import io.coppice.pageserver.layer.LayerHandle;
import io.coppice.pageserver.layer.LayerSet;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/**
 * Where a timeline needs new images: ranges of keys with many delta layers, that do have keys of
 * the range, above the newest image.
 */
final class ImageRanges {
  private ImageRanges() {}

  /** Keys up to, but not with, the second one. */
  record Range(Key from, Key to) {}

  /**
   * The ranges, ascending; those that touch are one.
   *
   * <p>They are looked at between two borders of layers, of ancestors too: a branch without images
   * of its own then gets those ranges that it has changed, and not all that it can read.
   *
   * @param path the timeline's layers, then those of its ancestors
   * @param lsn of the images to be
   * @param threshold delta layers from which on a range needs an image
   */
  static List<Range> of(List<LayerSet> path, Lsn lsn, int threshold) throws StorageException {
    TreeSet<Key> borders = new TreeSet<>();
    path.forEach(layers -> borders.addAll(layers.files().borders()));
    List<Range> found = new ArrayList<>();
    Key from = null;
    for (Key to : borders) {
      if (from != null && isNeeded(path.getFirst(), from, to, lsn, threshold)) {
        add(found, new Range(from, to));
      }
      from = to;
    }
    return found;
  }

  private static boolean isNeeded(LayerSet layers, Key from, Key to, Lsn lsn, int threshold)
      throws StorageException {
    List<LayerHandle> deltas = layers.files().deltasAboveImage(from, lsn);
    int missing = threshold;
    for (int i = 0; i < deltas.size() && missing > 0 && deltas.size() - i >= missing; i++) {
      // Not fetched for this: what was not read for long does not get an image soon.
      if (deltas.get(i).isResident() && deltas.get(i).hasKeyIn(from, to)) {
        missing--;
      }
    }
    return missing <= 0;
  }

  private static void add(List<Range> ranges, Range range) {
    if (!ranges.isEmpty() && ranges.getLast().to().equals(range.from())) {
      ranges.add(new Range(ranges.removeLast().from(), range.to()));
    } else {
      ranges.add(range);
    }
  }
}
