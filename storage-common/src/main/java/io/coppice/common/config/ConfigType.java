package io.coppice.common.config;

import io.coppice.common.rpc.HostPort;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * How the text of a setting becomes a value. In TOML a list is an array of strings; elsewhere it is
 * one text with commas.
 *
 * @param <T> type of the value
 */
public final class ConfigType<T> {

  /** Turns text into a value, or refuses it with an {@link IllegalArgumentException}. */
  @FunctionalInterface
  interface Parser<T> {
    T parse(String text);
  }

  static final ConfigType<String> TEXT = new ConfigType<>("text", text -> text);

  /** A path; empty means not set. */
  static final ConfigType<Optional<Path>> PATH =
      new ConfigType<>(
          "path", text -> text.isEmpty() ? Optional.empty() : Optional.of(Path.of(text)));

  static final ConfigType<HostPort> ADDRESS = new ConfigType<>("host:port", HostPort::parse);

  static final ConfigType<List<HostPort>> ADDRESSES =
      new ConfigType<>("list of host:port", ConfigType::parseAddresses);

  /** Bytes. */
  static final ConfigType<Long> SIZE = new ConfigType<>("size", ByteSizes::parse);

  static final ConfigType<Duration> DURATION = new ConfigType<>("duration", Durations::parse);

  static final ConfigType<LogLevel> LOG_LEVEL = new ConfigType<>("level", ConfigType::parseLevel);

  private final String name;
  private final Parser<T> parser;

  private ConfigType(String name, Parser<T> parser) {
    this.name = name;
    this.parser = parser;
  }

  /** What is accepted, in a word or two. */
  public String name() {
    return name;
  }

  T parse(String text) {
    return parser.parse(text);
  }

  private static List<HostPort> parseAddresses(String text) {
    List<HostPort> addresses =
        Arrays.stream(text.split(",", -1)).map(String::strip).map(HostPort::parse).toList();
    if (addresses.stream().filter(address -> address.port() != 0).distinct().count()
        != addresses.stream().filter(address -> address.port() != 0).count()) {
      throw new IllegalArgumentException("an address is listed twice: " + text);
    }
    return addresses;
  }

  private static LogLevel parseLevel(String text) {
    for (LogLevel level : LogLevel.values()) {
      if (level.name().equals(text.toUpperCase(Locale.ROOT))) {
        return level;
      }
    }
    throw new IllegalArgumentException(
        "not a log level: \"%s\" (expected error, warn, info, debug or trace)".formatted(text));
  }

  /** How much is logged. */
  public enum LogLevel {
    ERROR,
    WARN,
    INFO,
    DEBUG,
    TRACE
  }
}
