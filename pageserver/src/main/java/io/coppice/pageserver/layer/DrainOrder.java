package io.coppice.pageserver.layer;

import static java.util.Objects.requireNonNull;

import io.coppice.common.error.Invariant;
import io.coppice.common.key.Key;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The order in which a frozen layer is written: by key, and for a key from newest to oldest. Chains
 * are not walked, for each step would miss the cache: keys get their rank, and versions, which lie
 * in the order of their arrival, are distributed to their keys in one go.
 */
final class DrainOrder {
  private final OpenLayer layer;

  /** All that is in a key but its last four bytes: a relation's fork, mostly. */
  private record Prefix(long a, int field4, int c) {
    Key firstKey() {
      return new Key(c >>> 8, (int) (a >>> 32), (int) a, field4, c & 0xFF, 0);
    }
  }

  private DrainOrder(OpenLayer layer) {
    this.layer = layer;
  }

  /** All versions of a layer that nothing is written to any more; see {@link #position}. */
  static int[] of(OpenLayer layer) {
    DrainOrder order = new DrainOrder(layer);
    order.rankKeys();
    return order.placeVersions();
  }

  /** Where the version is that has such a number in the order. */
  static long position(int number) {
    return (number & 0xFFFF_FFFFL) << 3;
  }

  private void rankKeys() {
    KeyTable keys = layer.keys();
    Map<Prefix, int[]> prefixes = new HashMap<>();
    keys.forEach(entry -> prefixes.computeIfAbsent(prefix(keys, entry), _ -> new int[1]));
    List<Prefix> sorted = new ArrayList<>(prefixes.keySet());
    sorted.sort((x, y) -> x.firstKey().compareTo(y.firstKey()));
    for (int i = 0; i < sorted.size(); i++) {
      requireNonNull(prefixes.get(sorted.get(i)))[0] = i;
    }
    long[] packed = new long[keys.keyCount()];
    int[] next = new int[1];
    keys.forEach(entry -> {
      int rank = requireNonNull(prefixes.get(prefix(keys, entry)))[0];
      packed[next[0]++] = (long) rank << 32 | (keys.getB(entry) & 0xFFFF_FFFFL);
    });
    long[] byKey = packed.clone();
    Arrays.sort(byKey);
    next[0] = 0;
    keys.forEach(entry -> keys.setRank(entry, Arrays.binarySearch(byKey, packed[next[0]++])));
  }

  private static Prefix prefix(KeyTable keys, long entry) {
    return new Prefix(keys.getA(entry), (int) (keys.getB(entry) >>> 32), keys.getC(entry));
  }

  /**
   * Counts the versions of each key, and so knows where those of a key go: they are placed from the
   * back, as the newest, which comes last, is to be the first.
   */
  private int[] placeVersions() {
    KeyTable keys = layer.keys();
    int[] next = new int[keys.keyCount()];
    layer.forEachVersion(0, version -> next[keys.rank(layer.entry(version))]++);
    int end = 0;
    for (int rank = 0; rank < next.length; rank++) {
      end += next[rank];
      next[rank] = end;
    }
    Invariant.check(
        end == layer.versionCount(),
        "%s has %d versions, not %d",
        layer,
        end,
        layer.versionCount());
    int[] order = new int[end];
    layer.forEachVersion(
        0, version -> order[--next[keys.rank(layer.entry(version))]] = (int) (version >>> 3));
    return order;
  }
}
