package io.coppice.bench;

import io.coppice.common.error.StorageException;
import java.util.Arrays;
import java.util.SplittableRandom;

/** How long reads took, after as many that do not count. */
final class ReadTimes {
  private static final int READS = 20_000;
  private static final int ROUNDS = 5;
  private static final double NANOS_PER_MICRO = 1e3;

  private final double[] roundMedians = new double[ROUNDS];

  /** One read of a random page; its nanoseconds. */
  @FunctionalInterface
  interface Read {
    long nanos(SplittableRandom random) throws StorageException;
  }

  private ReadTimes() {}

  /** Reads some thousand times. */
  static ReadTimes of(Read read) throws StorageException {
    SplittableRandom random = new SplittableRandom(7);
    for (int i = 0; i < READS; i++) {
      var _ = read.nanos(random);
    }
    ReadTimes times = new ReadTimes();
    for (int round = 0; round < ROUNDS; round++) {
      long[] nanos = new long[READS / ROUNDS];
      for (int i = 0; i < nanos.length; i++) {
        nanos[i] = read.nanos(random);
      }
      times.roundMedians[round] = new Percentiles(nanos).millis(50) * 1e6 / NANOS_PER_MICRO;
    }
    Arrays.sort(times.roundMedians);
    return times;
  }

  /** The median of the medians of five rounds: one slow moment of the machine does not count. */
  double medianMicros() {
    return roundMedians[ROUNDS / 2];
  }

  @Override
  public String toString() {
    return "%.2f us (rounds %.2f to %.2f)"
        .formatted(medianMicros(), roundMedians[0], roundMedians[ROUNDS - 1]);
  }
}
