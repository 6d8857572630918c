package io.coppice.common.config;

import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Durations: a whole number with a unit, such as {@code 10s}. */
public final class Durations {
  private static final Pattern FORM = Pattern.compile("([0-9]{1,15})\\s*(ms|s|min|m|h|d)");

  private Durations() {}

  /**
   * Reads a whole number with a unit.
   *
   * @throws IllegalArgumentException for anything else, with what is accepted
   */
  public static Duration parse(String text) {
    Matcher matcher = FORM.matcher(text.strip());
    if (!matcher.matches()) {
      throw malformed(text);
    }
    long number = Long.parseLong(matcher.group(1));
    try {
      return switch (matcher.group(2)) {
        case "ms" -> Duration.ofMillis(number);
        case "s" -> Duration.ofSeconds(number);
        case "min", "m" -> Duration.ofMinutes(number);
        case "h" -> Duration.ofHours(number);
        default -> Duration.ofDays(number);
      };
    } catch (ArithmeticException _) {
      throw malformed(text);
    }
  }

  private static IllegalArgumentException malformed(String text) {
    return new IllegalArgumentException(
        "not a duration: \"%s\" (expected a whole number with ms, s, min, h or d, such as 10s)"
            .formatted(text));
  }
}
