package io.coppice.cli.output;

import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Numbers and times as people read them. */
public final class Texts {
  private static final String[] UNITS = {"B", "kB", "MB", "GB", "TB"};

  private Texts() {}

  /** RFC 3339 in UTC, to the microsecond at most. */
  public static String time(Instant time) {
    return DateTimeFormatter.ISO_OFFSET_DATE_TIME.format(
        OffsetDateTime.ofInstant(time.truncatedTo(ChronoUnit.MICROS), ZoneOffset.UTC));
  }

  /** Three digits or so, with the unit that suits. */
  public static String size(long sizeBytes) {
    double number = sizeBytes;
    int unit = 0;
    while (number >= 1024 && unit < UNITS.length - 1) {
      number /= 1024;
      unit++;
    }
    String format = unit == 0 || number >= 100 ? "%.0f %s" : "%.1f %s";
    return format.formatted(number, UNITS[unit]);
  }

  /** A count with commas between thousands. */
  public static String count(long number) {
    return String.format(Locale.ROOT, "%,d", number);
  }

  static String orDash(@Nullable Object value) {
    return value == null ? "-" : value.toString();
  }
}
