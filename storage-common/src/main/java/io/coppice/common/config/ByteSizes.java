package io.coppice.common.config;

import java.util.LinkedHashMap;
import java.util.Map;

/** Sizes as Postgres writes them: {@code 256MB}; a unit is 1024 of the one before. */
public final class ByteSizes {
  private static final Map<String, Long> UNITS = units();

  private ByteSizes() {}

  private static Map<String, Long> units() {
    Map<String, Long> units = new LinkedHashMap<>();
    units.put("TB", 1L << 40);
    units.put("GB", 1L << 30);
    units.put("MB", 1L << 20);
    units.put("kB", 1L << 10);
    units.put("B", 1L);
    return units;
  }

  /**
   * Reads a whole number with a unit.
   *
   * @return bytes
   * @throws IllegalArgumentException for anything else, with what is accepted
   */
  public static long parse(String text) {
    String stripped = text.strip();
    for (Map.Entry<String, Long> unit : UNITS.entrySet()) {
      if (endsWithIgnoringCase(stripped, unit.getKey())) {
        String number = stripped.substring(0, stripped.length() - unit.getKey().length()).strip();
        return multiply(text, number, unit.getValue());
      }
    }
    throw malformed(text);
  }

  private static boolean endsWithIgnoringCase(String text, String ending) {
    return text.regionMatches(true, text.length() - ending.length(), ending, 0, ending.length());
  }

  private static long multiply(String text, String number, long unitBytes) {
    if (number.isEmpty() || !number.chars().allMatch(c -> c >= '0' && c <= '9')) {
      throw malformed(text);
    }
    try {
      return Math.multiplyExact(Long.parseLong(number), unitBytes);
    } catch (ArithmeticException | NumberFormatException _) {
      throw malformed(text);
    }
  }

  private static IllegalArgumentException malformed(String text) {
    return new IllegalArgumentException(
        "not a size: \"%s\" (expected a whole number with B, kB, MB, GB or TB, such as 256MB)"
            .formatted(text));
  }

  /** The largest unit that leaves a whole number. */
  public static String format(long sizeBytes) {
    for (Map.Entry<String, Long> unit : UNITS.entrySet()) {
      if (sizeBytes != 0 && sizeBytes % unit.getValue() == 0) {
        return sizeBytes / unit.getValue() + unit.getKey();
      }
    }
    return sizeBytes + "B";
  }
}
