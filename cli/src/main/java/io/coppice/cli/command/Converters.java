package io.coppice.cli.command;

import io.coppice.common.id.Fork;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.rpc.HostPort;
import io.coppice.compute.storage.BranchPoint;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.time.format.DateTimeParseException;
import java.util.Locale;
import picocli.CommandLine;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads what is typed into domain types, and says what would be accepted. */
public final class Converters {
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
