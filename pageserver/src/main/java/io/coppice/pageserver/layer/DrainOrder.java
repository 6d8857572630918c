package io.coppice.pageserver.layer;

import static java.util.Objects.requireNonNull;

import io.coppice.common.key.Key;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The order in which a frozen layer is written: by key, and for a key from newest to oldest. Chains
 * are not walked, for each step would miss the cache: keys get their rank, and longs made of a rank
 * and a position are sorted.
 *
 * <pre>
 *  63            32 31                        0
 *  | rank of key   | ~(position/8)            |
 * </pre>
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

  /** Positions of all versions of a layer that nothing is written to any more. */
  static long[] of(OpenLayer layer) {
    DrainOrder order = new DrainOrder(layer);
    order.rankKeys();
    return order.sortVersions();
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

  private long[] sortVersions() {
    KeyTable keys = layer.keys();
    long[] order = new long[Math.toIntExact(layer.versionCount())];
    int[] next = new int[1];
    layer.forEachVersion(
        0,
        version -> {
          long rank = keys.rank(layer.entry(version));
          order[next[0]++] = rank << 32 | (~(version >>> 3) & 0xFFFF_FFFFL);
        });
    Arrays.sort(order);
    for (int i = 0; i < order.length; i++) {
      order[i] = (~order[i] & 0xFFFF_FFFFL) << 3;
    }
    return order;
  }
}
