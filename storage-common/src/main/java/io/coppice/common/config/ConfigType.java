package io.coppice.common.config;

import io.coppice.common.objectstore.ObjectStoreUrl;
import io.coppice.common.rpc.HostPort;
import java.net.URI;
import java.net.URISyntaxException;
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

  /** Letters, digits and dashes. */
  static final ConfigType<String> WORD = new ConfigType<>("word", ConfigType::parseWord);

  /** A path; empty means not set. */
  static final ConfigType<Optional<Path>> PATH =
      new ConfigType<>(
          "path", text -> text.isEmpty() ? Optional.empty() : Optional.of(Path.of(text)));

  /** Empty means not set. */
  static final ConfigType<Optional<ObjectStoreUrl>> OBJECT_STORE_URL =
      new ConfigType<>(
          "file:///dir or s3://bucket/prefix",
          text -> text.isEmpty() ? Optional.empty() : Optional.of(ObjectStoreUrl.parse(text)));

  /** Of a server, without a path; empty means not set. */
  static final ConfigType<Optional<URI>> HTTP_URL =
      new ConfigType<>(
          "http(s)://host:port",
          text -> text.isEmpty() ? Optional.empty() : Optional.of(parseHttpUrl(text)));

  /** Empty means not set. */
  static final ConfigType<Optional<Boolean>> TRUTH =
      new ConfigType<>(
          "true or false",
          text -> text.isEmpty() ? Optional.empty() : Optional.of(parseTruth(text)));

  /** A positive number. */
  static final ConfigType<Integer> COUNT = new ConfigType<>("number", ConfigType::parseCount);

  static final ConfigType<HostPort> ADDRESS = new ConfigType<>("host:port", HostPort::parse);

  static final ConfigType<List<HostPort>> ADDRESSES =
      new ConfigType<>("list of host:port", ConfigType::parseAddresses);

  /** Bytes. */
  static final ConfigType<Long> SIZE = new ConfigType<>("size", ByteSizes::parse);

  static final ConfigType<Duration> DURATION = new ConfigType<>("duration", Durations::parse);

  static final ConfigType<LogLevel> LOG_LEVEL = new ConfigType<>("level", ConfigType::parseLevel);

  static final ConfigType<LogFormat> LOG_FORMAT =
      new ConfigType<>("format", ConfigType::parseFormat);

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

  /** The text is not repeated in the failure: it may have a password in it. */
  private static URI parseHttpUrl(String text) {
    try {
      URI url = new URI(text);
      boolean isHttp = "http".equals(url.getScheme()) || "https".equals(url.getScheme());
      boolean hasPath = url.getPath() != null && !url.getPath().matches("/?");
      if (isHttp
          && url.getHost() != null
          && url.getUserInfo() == null
          && url.getQuery() == null
          && url.getFragment() == null
          && !hasPath) {
        return url;
      }
    } catch (URISyntaxException _) {
      // Refused below.
    }
    throw new IllegalArgumentException(
        "not the address of a server (expected http://host:port or https://host:port, without"
            + " keys, path or query)");
  }

  private static String parseWord(String text) {
    if (!text.matches("[A-Za-z0-9-]+")) {
      throw new IllegalArgumentException(
          "not of letters, digits and dashes: \"%s\"".formatted(text));
    }
    return text;
  }

  private static boolean parseTruth(String text) {
    return switch (text) {
      case "true" -> true;
      case "false" -> false;
      default ->
          throw new IllegalArgumentException("neither true nor false: \"%s\"".formatted(text));
    };
  }

  private static int parseCount(String text) {
    if (!text.matches("[1-9][0-9]{0,5}")) {
      throw new IllegalArgumentException("not a number from 1 to 999999: \"%s\"".formatted(text));
    }
    return Integer.parseInt(text);
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

  private static LogFormat parseFormat(String text) {
    for (LogFormat format : LogFormat.values()) {
      if (format.name().equals(text.toUpperCase(Locale.ROOT))) {
        return format;
      }
    }
    throw new IllegalArgumentException(
        "not a log format: \"%s\" (expected text or json)".formatted(text));
  }

  /** In which form it is logged. */
  public enum LogFormat {
    TEXT,
    JSON
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
