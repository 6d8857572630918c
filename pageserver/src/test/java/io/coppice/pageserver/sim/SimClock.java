package io.coppice.pageserver.sim;

import io.coppice.common.platform.Clock;
import java.time.Instant;

/** Time that passes when the simulation says so. */
final class SimClock implements Clock {
  private static final Instant BEGIN = Instant.parse("2026-01-01T00:00:00Z");

  private long millis;

  void advanceMillis(long by) {
    millis += by;
  }

  @Override
  public Instant now() {
    return BEGIN.plusMillis(millis);
  }

  @Override
  public long monotonicNanos() {
    return millis * 1_000_000;
  }
}
