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
 * are not walked, for each step would miss the cache: each key, which knows how many versions it
 * has, gets its place, and versions, which lie in the order of their arrival, are distributed to
 * their keys in one go.
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
    order.placeKeys();
    return order.placeVersions();
  }

  /** Where the version is that has such a number in the order. */
  static long position(int number) {
    return (number & 0xFFFF_FFFFL) << 3;
  }

  private void placeKeys() {
    KeyTable keys = layer.keys();
    long[] packed = packedKeys();
    long[] byKey = packed.clone();
    Arrays.sort(byKey);
    int[] ranks = new int[packed.length];
    int[] ends = new int[packed.length];
    int[] next = new int[1];
    keys.forEach(entry -> {
      int rank = Arrays.binarySearch(byKey, packed[next[0]]);
      ranks[next[0]++] = rank;
      ends[rank] = keys.versions(entry);
    });
    for (int rank = 1; rank < ends.length; rank++) {
      ends[rank] += ends[rank - 1];
    }
    next[0] = 0;
    keys.forEach(entry -> keys.setPlace(entry, ends[ranks[next[0]++]]));
  }

  /** The keys as numbers that have their order: that of the prefix, then the last four bytes. */
  private long[] packedKeys() {
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
    return packed;
  }

  private static Prefix prefix(KeyTable keys, long entry) {
    return new Prefix(keys.getA(entry), (int) (keys.getB(entry) >>> 32), keys.getC(entry));
  }

  /** From the back of its key's places, as the newest version, which comes last, is the first. */
  private int[] placeVersions() {
    KeyTable keys = layer.keys();
    int[] order = new int[Math.toIntExact(layer.versionCount())];
    int[] placed = new int[1];
    layer.forEachVersion(
        0,
        version -> {
          order[keys.placeBefore(layer.entry(version))] = (int) (version >>> 3);
          placed[0]++;
        });
    Invariant.check(
        placed[0] == order.length, "%s has %d versions, not %d", layer, placed[0], order.length);
    return order;
  }
}
