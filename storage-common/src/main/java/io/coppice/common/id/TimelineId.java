package io.coppice.common.id;

/**
 * One branch of a tenant. 128 bits, written as 32 lower-case hexadecimal digits.
 *
 * <p>Only a parsed id may become part of a path or an object name.
 */
public record TimelineId(long high, long low) implements Comparable<TimelineId> {

  /**
   * Reads exactly 32 hexadecimal digits.
   *
   * @throws IllegalArgumentException for anything else
   */
  public static TimelineId parse(String text) {
    return new TimelineId(
        Hex128.parseHigh(text, "timeline id"), Hex128.parseLow(text, "timeline id"));
  }

  @Override
  public int compareTo(TimelineId other) {
    int byHigh = Long.compareUnsigned(high, other.high);
    return byHigh != 0 ? byHigh : Long.compareUnsigned(low, other.low);
  }

  @Override
  public String toString() {
    return Hex128.format(high, low);
  }
}
