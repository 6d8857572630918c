package io.coppice.pageserver.gc;

import io.coppice.common.id.Lsn;
import io.coppice.common.key.Key;
import io.coppice.pageserver.layer.LayerDescriptor;
import io.coppice.pageserver.layer.LayerKind;
import io.coppice.pageserver.layer.LayerName;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;

/**
 * Which layers of a timeline no read needs. A read of a key as of an LSN looks at the newest image
 * at or before it, and at the deltas above that. So a layer is not needed if images cover all of
 * its keys that have all it holds, and are not above the first LSN at or after its beginning at
 * which the timeline must be readable.
 */
public final class GarbageLayers {
  private final Key[] borders;
  private final Lsn[][] images;

  /** Of a timeline with these layers. */
  public GarbageLayers(Collection<LayerDescriptor> layers) {
    List<LayerName> names =
        layers.stream()
            .map(LayerDescriptor::name)
            .filter(name -> name.kind() == LayerKind.IMAGE)
            .toList();
    TreeSet<Key> keys = new TreeSet<>();
    for (LayerName name : names) {
      keys.add(name.keyFrom());
      keys.add(name.keyTo());
    }
    borders = keys.toArray(Key[]::new);
    List<List<Lsn>> columns = new ArrayList<>();
    for (int i = 0; i < borders.length; i++) {
      columns.add(new ArrayList<>());
    }
    for (LayerName name : names) {
      int end = Arrays.binarySearch(borders, name.keyTo());
      for (int i = Arrays.binarySearch(borders, name.keyFrom()); i < end; i++) {
        columns.get(i).add(name.lsnFrom());
      }
    }
    images = new Lsn[borders.length][];
    for (int i = 0; i < borders.length; i++) {
      images[i] = columns.get(i).stream().sorted().toArray(Lsn[]::new);
    }
  }

  /** Whether no read at any of these LSNs looks at a layer. */
  public boolean isGarbage(LayerName layer, LsnRanges needed) {
    Optional<Lsn> first = needed.firstAtOrAfter(layer.lsnFrom());
    if (first.isEmpty()) {
      return true;
    }
    // An image as of the newest LSN of a delta has it all; of images only a newer one does.
    Lsn complete = layer.kind() == LayerKind.IMAGE ? layer.lsnTo() : layer.lsnTo().plus(-1);
    int column = Arrays.binarySearch(borders, layer.keyFrom());
    column = column >= 0 ? column : -column - 2;
    if (column < 0) {
      return false;
    }
    while (column < borders.length && borders[column].compareTo(layer.keyTo()) < 0) {
      if (!hasImage(images[column], complete, first.get())) {
        return false;
      }
      column++;
    }
    return column < borders.length;
  }

  /** Whether there is an image from one LSN to another, both inclusive. */
  private static boolean hasImage(Lsn[] column, Lsn from, Lsn to) {
    int found = Arrays.binarySearch(column, from);
    int first = found >= 0 ? found : -found - 1;
    return first < column.length && column[first].isAtOrBefore(to);
  }
}
