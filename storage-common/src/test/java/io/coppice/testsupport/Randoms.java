package io.coppice.testsupport;

import java.util.SplittableRandom;
import java.util.random.RandomGenerator;

/** One source of randomness for each purpose, so that a draw more in one changes no other. */
public record Randoms(long seed) {
  private static final long GOLDEN = 0x9E3779B97F4A7C15L;

  public RandomGenerator of(String purpose) {
    long mixed = seed * GOLDEN + purpose.hashCode();
    return new SplittableRandom(mixed ^ (mixed >>> 29));
  }
}
