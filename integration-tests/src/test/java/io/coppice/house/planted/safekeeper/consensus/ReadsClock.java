package io.coppice.house.planted.safekeeper.consensus;

/** Breaks a rule on purpose. */
final class ReadsClock {
  private ReadsClock() {}

  static long now(java.time.Instant when) {
    return when.toEpochMilli() + System.nanoTime();
  }
}
