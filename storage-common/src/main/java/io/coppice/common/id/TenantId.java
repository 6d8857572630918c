package io.coppice.common.id;

/**
 * One database cluster with all its branches. 128 bits, written as 32 lower-case hexadecimal
 * digits.
 *
 * <p>Only a parsed id may become part of a path or an object name.
 */
public record TenantId(long high, long low) implements Comparable<TenantId> {

  /**
   * Reads exactly 32 hexadecimal digits.
   *
   * @throws IllegalArgumentException for anything else
   */
  public static TenantId parse(String text) {
    return new TenantId(Hex128.parseHigh(text, "tenant id"), Hex128.parseLow(text, "tenant id"));
  }

  @Override
  public int compareTo(TenantId other) {
    int byHigh = Long.compareUnsigned(high, other.high);
    return byHigh != 0 ? byHigh : Long.compareUnsigned(low, other.low);
  }

  @Override
  public String toString() {
    return Hex128.format(high, low);
  }
}
