package io.coppice.cli.output;

import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * One property of the things that a command prints.
 *
 * @param name in JSON, with underscores; the heading of a table shows it in capitals
 * @param value for JSON: text, number, truth or null
 * @param text for the table
 */
public record Column<T>(
    String name, Function<T, @Nullable Object> value, Function<T, String> text) {

  /** A property that looks the same in both forms; null is shown as {@code -}. */
  public static <T> Column<T> of(String name, Function<T, @Nullable Object> value) {
    return new Column<>(name, value, row -> Texts.orDash(value.apply(row)));
  }

  /** A size: bytes in JSON, with a unit in the table. */
  public static <T> Column<T> size(String name, Function<T, Long> sizeBytes) {
    return new Column<>(name, sizeBytes::apply, row -> Texts.size(sizeBytes.apply(row)));
  }
}
