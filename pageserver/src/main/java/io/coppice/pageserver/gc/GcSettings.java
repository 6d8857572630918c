package io.coppice.pageserver.gc;

import java.time.Duration;

/**
 * How much history is kept.
 *
 * @param pitr every commit of so long ago stays readable; zero for none
 * @param horizonBytes and everything within so much WAL of the branch's own
 */
public record GcSettings(Duration pitr, long horizonBytes) {
  /** What is kept if nothing else is said. */
  public static final GcSettings DEFAULTS = new GcSettings(Duration.ofDays(7), 64L << 20);

  public GcSettings {
    if (pitr.isNegative() || horizonBytes < 0) {
      throw new IllegalArgumentException(
          "pitr %s, horizon of %d bytes: neither may be negative".formatted(pitr, horizonBytes));
    }
  }
}
