package io.coppice.pageserver.layer;

import io.coppice.common.error.Invariant;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.key.Key;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Which layer files can hold a key at an LSN. Immutable.
 *
 * <p>Layers of level 0 cover more or less all keys and lie one above the other in LSNs: a list,
 * newest first, of which a read takes the part at or before its LSN; how long it gets is what
 * compaction bounds. All other layers, images and deltas, are narrow. Their borders cut the key
 * space into columns, found by binary search, and a column has its layers sorted by LSN, again
 * searched. So a lookup costs O(log n + layers that must be read), and a flush, which adds a layer
 * of level 0, shares the columns with the map before it; only the rarer import and compaction
 * rebuild them. A persistent tree would make the rebuild O(log n), at more cost per lookup. The
 * columns' memory is the number of (column, layer) pairs: about the number of layers as long as
 * narrow layers are cut at similar keys, as imports and compaction do.
 */
public final class LayerMap {
  private static final Comparator<LayerHandle> NEWEST_FIRST =
      Comparator.comparing((LayerHandle layer) -> layer.name().lsnTo())
          .thenComparing(layer -> layer.name().lsnFrom())
          .reversed();

  private final LayerHandle[] level0;
  private final List<LayerHandle> narrow;
  // Column i begins at borders[i] and ends before borders[i + 1].
  private final Key[] borders;
  private final Column[] columns;
  private final Lsn level1End;

  /** The narrow layers of a range of keys, newest first. */
  private static final class Column {
    static final Column EMPTY = new Column(List.of(), List.of());

    final LayerHandle[] images;
    final LayerHandle[] deltas;

    Column(List<LayerHandle> images, List<LayerHandle> deltas) {
      this.images = images.toArray(LayerHandle[]::new);
      this.deltas = deltas.toArray(LayerHandle[]::new);
    }
  }

  /** A map of these layers. */
  public LayerMap(List<LayerHandle> layers) {
    level0 =
        layers.stream().filter(l -> isLevel0(l)).sorted(NEWEST_FIRST).toArray(LayerHandle[]::new);
    narrow = layers.stream().filter(l -> !isLevel0(l)).sorted(NEWEST_FIRST).toList();
    TreeSet<Key> cuts = new TreeSet<>();
    cuts.add(Key.MIN);
    for (LayerHandle layer : narrow) {
      cuts.add(layer.name().keyFrom());
      cuts.add(layer.name().keyTo());
    }
    borders = cuts.toArray(Key[]::new);
    columns = buildColumns();
    level1End =
        narrow.stream()
            .filter(layer -> layer.name().kind() == LayerKind.DELTA)
            .map(layer -> layer.name().lsnTo())
            .findFirst()
            .orElse(Lsn.INVALID);
  }

  private LayerMap(LayerHandle[] level0, LayerMap rest) {
    this.level0 = level0;
    this.narrow = rest.narrow;
    this.borders = rest.borders;
    this.columns = rest.columns;
    this.level1End = rest.level1End;
  }

  private static boolean isLevel0(LayerHandle layer) {
    return layer.descriptor().level() == 0;
  }

  private Column[] buildColumns() {
    List<List<LayerHandle>> images = new ArrayList<>();
    List<List<LayerHandle>> deltas = new ArrayList<>();
    for (int i = 0; i < borders.length; i++) {
      images.add(new ArrayList<>());
      deltas.add(new ArrayList<>());
    }
    for (LayerHandle layer : narrow) {
      List<List<LayerHandle>> kind = layer.name().kind() == LayerKind.IMAGE ? images : deltas;
      int to = column(layer.name().keyTo());
      for (int i = column(layer.name().keyFrom()); i < to; i++) {
        kind.get(i).add(layer);
      }
    }
    Column[] built = new Column[borders.length];
    for (int i = 0; i < built.length; i++) {
      built[i] =
          images.get(i).isEmpty() && deltas.get(i).isEmpty()
              ? Column.EMPTY
              : new Column(images.get(i), deltas.get(i));
    }
    return built;
  }

  /** The same with one more layer. */
  public LayerMap with(LayerHandle layer) {
    if (!isLevel0(layer)) {
      List<LayerHandle> all = new ArrayList<>(layers());
      all.add(layer);
      return new LayerMap(all);
    }
    LayerHandle[] grown = Arrays.copyOf(level0, level0.length + 1);
    grown[level0.length] = layer;
    Arrays.sort(grown, NEWEST_FIRST);
    return new LayerMap(grown, this);
  }

  /** The same with some layers in the place of others, which are in it. */
  public LayerMap replace(Collection<LayerHandle> gone, Collection<LayerHandle> added) {
    Set<LayerHandle> out = Collections.newSetFromMap(new IdentityHashMap<>());
    out.addAll(gone);
    List<LayerHandle> left = new ArrayList<>(added);
    for (LayerHandle layer : layers()) {
      if (!out.remove(layer)) {
        left.add(layer);
      }
    }
    Invariant.check(out.isEmpty(), "%s are replaced, but not there", out);
    return new LayerMap(left);
  }

  /** All layers: level 0, then the others, both newest first. */
  public List<LayerHandle> layers() {
    List<LayerHandle> all = new ArrayList<>(Arrays.asList(level0));
    all.addAll(narrow);
    return all;
  }

  /** How many layers of level 0 there are. */
  public int level0Count() {
    return level0.length;
  }

  /** What the columns' memory goes with: how many columns each narrow layer is in, together. */
  long columnLayerCount() {
    long count = 0;
    for (Column column : columns) {
      count += column.images.length + column.deltas.length;
    }
    return count;
  }

  /** The end of the newest narrow delta, exclusive; invalid if there is none. */
  public Lsn level1End() {
    return level1End;
  }

  /** Where narrow layers begin and end, and the first key; ascending. */
  public List<Key> borders() {
    return Collections.unmodifiableList(Arrays.asList(borders));
  }

  /**
   * The narrow deltas that may have versions of a key at or before an LSN that the newest image
   * before it lacks, newest first.
   */
  public List<LayerHandle> deltasAboveImage(Key key, Lsn lsn) {
    Column column = columns[column(key)];
    LayerHandle image = newestImage(column, lsn);
    Lsn floor = image == null ? Lsn.INVALID : image.name().lsnFrom();
    List<LayerHandle> found = new ArrayList<>();
    int i = firstStartingAtOrBefore(column.deltas, lsn);
    while (i < column.deltas.length && isAbove(column.deltas[i], floor)) {
      found.add(column.deltas[i++]);
    }
    return found;
  }

  /** The next key above this one where a narrow layer begins or ends; null if there is none. */
  public @Nullable Key borderAfter(Key key) {
    int next = column(key) + 1;
    return next < borders.length ? borders[next] : null;
  }

  /** The nearest key, not above this one, where a narrow layer begins or ends, or the first key. */
  public Key borderAtOrBefore(Key key) {
    return borders[column(key)];
  }

  private int column(Key key) {
    int found = Arrays.binarySearch(borders, key);
    return found >= 0 ? found : -found - 2;
  }

  /** The newest image that covers a key, at or before an LSN. */
  @Nullable LayerHandle newestImage(Key key, Lsn lsn) {
    return newestImage(columns[column(key)], lsn);
  }

  /**
   * The LSN of the newest image that covers a key, at or before an LSN; invalid if there is none.
   */
  public Lsn newestImageLsn(Key key, Lsn lsn) {
    LayerHandle image = newestImage(key, lsn);
    return image == null ? Lsn.INVALID : image.name().lsnFrom();
  }

  private static @Nullable LayerHandle newestImage(Column column, Lsn lsn) {
    LayerHandle[] images = column.images;
    int first = firstStartingAtOrBefore(images, lsn);
    return first < images.length ? images[first] : null;
  }

  /** In layers sorted newest first, that do not overlap in LSNs. */
  private static int firstStartingAtOrBefore(LayerHandle[] layers, Lsn lsn) {
    int low = 0;
    int high = layers.length;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (layers[middle].name().lsnFrom().isAfter(lsn)) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  /** What is done with a delta layer; returns whether to go on to older ones. */
  interface DeltaVisitor {
    boolean visit(LayerHandle delta) throws StorageException;
  }

  /**
   * Visits the deltas of a key's column that may have versions after {@code floor}, at or before an
   * LSN, newest first. One of level 0 may not cover the key.
   */
  void visitDeltas(Key key, Lsn lsn, Lsn floor, DeltaVisitor visitor) throws StorageException {
    LayerHandle[] others = columns[column(key)].deltas;
    int i = firstStartingAtOrBefore(level0, lsn);
    int j = firstStartingAtOrBefore(others, lsn);
    while (i < level0.length || j < others.length) {
      boolean takeLevel0 =
          j == others.length
              || (i < level0.length && NEWEST_FIRST.compare(level0[i], others[j]) <= 0);
      LayerHandle delta = takeLevel0 ? level0[i++] : others[j++];
      if (isAbove(delta, floor) && !visitor.visit(delta)) {
        return;
      }
    }
  }

  /** Whether a delta may have versions after an LSN: those at its lsnTo and after are not in it. */
  private static boolean isAbove(LayerHandle delta, Lsn floor) {
    return isAbove(delta, floor.value());
  }

  /** The same. */
  static boolean isAbove(LayerHandle delta, long floor) {
    return Long.compareUnsigned(delta.name().lsnTo().value(), floor + 1) > 0;
  }

  /** Behind the keys, of a sorted list and from one on, that are in the same column. */
  int endOfColumn(List<? extends KeyRead> reads, int from) {
    int next = column(reads.get(from).key()) + 1;
    int to = next == borders.length ? reads.size() : from + 1;
    while (to < reads.size() && reads.get(to).key().compareTo(borders[next]) < 0) {
      to++;
    }
    return to;
  }

  /** What a scan of a range as of an LSN must look at: no image below another. */
  List<LayerHandle> overlapping(Key from, Key toExclusive, Lsn lsn) {
    List<LayerHandle> found = new ArrayList<>();
    for (LayerHandle layer : level0) {
      if (isBefore(layer, lsn) && layer.name().overlaps(from, toExclusive)) {
        found.add(layer);
      }
    }
    TreeSet<LayerHandle> others =
        new TreeSet<>(
            NEWEST_FIRST
                .thenComparing(layer -> layer.name().keyFrom())
                // An image may have the LSNs of a delta that has one only.
                .thenComparing(layer -> layer.name().kind()));
    for (int i = column(from); i < borders.length && borders[i].compareTo(toExclusive) < 0; i++) {
      LayerHandle image = newestImage(columns[i], lsn);
      if (image != null) {
        others.add(image);
      }
      for (LayerHandle delta : columns[i].deltas) {
        if (isBefore(delta, lsn)) {
          others.add(delta);
        }
      }
    }
    found.addAll(others);
    return found;
  }

  private static boolean isBefore(LayerHandle layer, Lsn lsn) {
    return layer.name().lsnFrom().isAtOrBefore(lsn);
  }
}
