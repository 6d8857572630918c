package io.coppice.common.id;

import java.util.HexFormat;

/** Text form of 128-bit ids. */
final class Hex128 {
  private static final int DIGITS = 32;
  private static final int SHOWN_MAX = 64;

  private Hex128() {}

  static long parseHigh(String text, String what) {
    check(text, what);
    return HexFormat.fromHexDigitsToLong(text, 0, DIGITS / 2);
  }

  static long parseLow(String text, String what) {
    check(text, what);
    return HexFormat.fromHexDigitsToLong(text, DIGITS / 2, DIGITS);
  }

  static String format(long high, long low) {
    HexFormat hex = HexFormat.of();
    return hex.toHexDigits(high) + hex.toHexDigits(low);
  }

  private static void check(String text, String what) {
    boolean valid = text.length() == DIGITS;
    for (int i = 0; valid && i < DIGITS; i++) {
      valid = HexFormat.isHexDigit(text.charAt(i));
    }
    if (!valid) {
      String shown = text.length() <= SHOWN_MAX ? text : text.substring(0, SHOWN_MAX) + "...";
      throw new IllegalArgumentException(
          "not a %s: \"%s\" (expected 32 hexadecimal digits)".formatted(what, shown));
    }
  }
}
