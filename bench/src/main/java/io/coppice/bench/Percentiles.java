package io.coppice.bench;

import java.util.Arrays;
import java.util.List;

/** Percentiles of durations, by the nearest rank. */
final class Percentiles {
  private final long[] sortedNanos;

  Percentiles(long[] nanos) {
    if (nanos.length == 0) {
      throw new IllegalArgumentException("nothing was measured");
    }
    sortedNanos = nanos.clone();
    Arrays.sort(sortedNanos);
  }

  /** Of several measurements together. */
  static Percentiles ofAll(List<long[]> nanos) {
    return new Percentiles(nanos.stream().flatMapToLong(Arrays::stream).toArray());
  }

  /** The smallest duration that so many percent do not exceed, in milliseconds. */
  double millis(double percent) {
    int rank = (int) Math.ceil(percent / 100 * sortedNanos.length);
    return sortedNanos[Math.max(0, rank - 1)] / 1e6;
  }
}
