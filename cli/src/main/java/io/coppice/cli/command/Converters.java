package io.coppice.cli.command;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Fork;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.rpc.HostPort;
import io.coppice.compute.storage.BranchPoint;
import java.time.Duration;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.time.format.DateTimeParseException;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads what is typed into domain types, and says what would be accepted. */
public final class Converters {
  private static final Pattern DURATION = Pattern.compile("(\\d{1,6})(ms|s|min|h|d)");
  private static final DateTimeFormatter TIME =
      new DateTimeFormatterBuilder()
          .parseCaseInsensitive()
          .append(DateTimeFormatter.ISO_LOCAL_DATE)
          .appendPattern("['T'][' ']")
          .append(DateTimeFormatter.ISO_LOCAL_TIME)
          .appendPattern("[XXX][X]")
          .toFormatter(Locale.ROOT);

  private Converters() {}

  /** Registers all of them. */
  public static void register(CommandLine commandLine) {
    commandLine.registerConverter(Lsn.class, wrap(Lsn::parse));
    commandLine.registerConverter(Instant.class, wrap(Converters::time));
    commandLine.registerConverter(BranchPoint.class, wrap(Converters::branchPoint));
    commandLine.registerConverter(Duration.class, wrap(Converters::duration));
    commandLine.registerConverter(RelationTag.class, wrap(Converters::relation));
    commandLine.registerConverter(Fork.class, wrap(Converters::fork));
    commandLine.registerConverter(HostPort.class, wrap(HostPort::parse));
  }

  private static <T> ITypeConverter<T> wrap(ITypeConverter<T> converter) {
    return text -> {
      try {
        return converter.convert(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
    };
  }

  /** RFC 3339, and the way Postgres writes a {@code timestamptz}. */
  static Instant time(String text) {
    try {
      return OffsetDateTime.parse(text, TIME).toInstant();
    } catch (DateTimeParseException _) {
      throw new IllegalArgumentException(
          "not a time: \"%s\" (expected RFC 3339 with an offset, such as 2026-11-21T14:02:07.5Z)"
              .formatted(text));
    }
  }

  /** A whole number of seconds, minutes, hours or days. */
  static Duration duration(String text) {
    Matcher matcher = DURATION.matcher(text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(
          "not a duration: \"%s\" (expected a number of ms, s, min, h or d, such as 2h)"
              .formatted(text));
    }
    long number = Long.parseLong(matcher.group(1));
    return switch (matcher.group(2)) {
      case "ms" -> Duration.ofMillis(number);
      case "s" -> Duration.ofSeconds(number);
      case "min" -> Duration.ofMinutes(number);
      case "h" -> Duration.ofHours(number);
      default -> Duration.ofDays(number);
    };
  }

  /** When something ends: a time, a time from now, or never. */
  static Optional<Instant> expiry(String text, Instant now) throws StorageException.Invalid {
    if (text.equalsIgnoreCase("never")) {
      return Optional.empty();
    }
    try {
      return Optional.of(DURATION.matcher(text).matches() ? now.plus(duration(text)) : time(text));
    } catch (IllegalArgumentException _) {
      throw new StorageException.Invalid(
          ("neither a time nor never: \"%s\" (expected a time such as 2026-11-21T14:02:07Z, a time"
                  + " from now such as 2h, or never)")
              .formatted(text));
    }
  }

  static BranchPoint branchPoint(String text) {
    if (text.equalsIgnoreCase("now")) {
      return new BranchPoint.Newest();
    }
    if (text.contains("/")) {
      return new BranchPoint.AtLsn(Lsn.parse(text));
    }
    try {
      return new BranchPoint.AtTime(time(text));
    } catch (IllegalArgumentException _) {
      throw new IllegalArgumentException(
          ("neither an LSN nor a time: \"%s\" (expected an LSN such as 0/16B3748, a time such as"
                  + " 2026-11-21T14:02:07.5Z, or now)")
              .formatted(text));
    }
  }

  static RelationTag relation(String text) {
    String[] parts = text.split("/", -1);
    try {
      if (parts.length == 3) {
        return new RelationTag(
            Integer.parseUnsignedInt(parts[0]),
            Integer.parseUnsignedInt(parts[1]),
            Integer.parseUnsignedInt(parts[2]),
            Fork.MAIN.number());
      }
    } catch (NumberFormatException _) {
      // falls through to the message below
    }
    throw new IllegalArgumentException(
        "not a relation: \"%s\" (expected tablespace/database/file number, such as 1663/5/16384)"
            .formatted(text));
  }

  static Fork fork(String text) {
    for (Fork fork : Fork.values()) {
      if (fork.suffix().equalsIgnoreCase(text)) {
        return fork;
      }
    }
    throw new IllegalArgumentException(
        "not a fork: \"%s\" (expected main, fsm, vm or init)".formatted(text));
  }
}
