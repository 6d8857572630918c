package io.coppice.cli.output;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** Where results go: data to {@code out}, all else to {@code err}. */
public final class Output {

  /** The two forms of a result. */
  public enum Format {
    TABLE,
    JSON
  }

  private static final JsonMapper JSON =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();
  private static final JsonMapper JSON_LINE = JsonMapper.builder().build();

  private final PrintStream out;
  private final PrintStream err;
  private Format format = Format.TABLE;

  public Output(PrintStream out, PrintStream err) {
    this.out = out;
    this.err = err;
  }

  public void setFormat(Format format) {
    this.format = format;
  }

  public boolean isJson() {
    return format == Format.JSON;
  }

  /** For binary data. */
  public PrintStream out() {
    return out;
  }

  /** Things of one kind: a table with a heading, or a JSON array. */
  public <T> void list(List<Column<T>> columns, List<T> rows) {
    if (isJson()) {
      json(rows.stream().map(row -> object(columns, row)).toList());
      return;
    }
    List<List<String>> lines = new ArrayList<>();
    lines.add(columns.stream().map(column -> heading(column.name())).toList());
    for (T row : rows) {
      lines.add(columns.stream().map(column -> column.text().apply(row)).toList());
    }
    aligned(lines, "  ");
  }

  /** One thing: a line for each property, or a JSON object. */
  public <T> void one(List<Column<T>> columns, T row) {
    if (isJson()) {
      json(object(columns, row));
      return;
    }
    aligned(
        columns.stream()
            .map(column -> List.of(column.name().replace('_', ' '), column.text().apply(row)))
            .toList(),
        "  ");
  }

  /** A value as it is in the table form; in JSON, an object with that one property. */
  public void text(String name, String value) {
    if (isJson()) {
      json(Map.of(name, value));
    } else {
      out.println(value);
    }
  }

  /** Text that is the result itself. */
  public void print(String text) {
    out.print(text);
    out.flush();
  }

  public void json(Object value) {
    out.println(JSON.writeValueAsString(value));
  }

  /** One of many results: an object on a line of its own. */
  public void jsonLine(Object value) {
    out.println(JSON_LINE.writeValueAsString(value));
  }

  /** For a person who watches; never part of the result. */
  public void message(String text) {
    err.println(text);
    err.flush();
  }

  /** Tells why a command failed. */
  public void failure(ExitCode code, String message) {
    if (isJson()) {
      Map<String, Object> error = new LinkedHashMap<>();
      error.put("code", code.number());
      error.put("kind", code.kind());
      error.put("message", message);
      err.println(JSON_LINE.writeValueAsString(Map.of("error", error)));
    } else {
      err.println("coppice: " + message);
    }
    err.flush();
  }

  /** A stack trace, for a bug. */
  public void trace(Throwable failure) {
    failure.printStackTrace(err);
  }

  private static <T> Map<String, @Nullable Object> object(List<Column<T>> columns, T row) {
    Map<String, @Nullable Object> object = new LinkedHashMap<>();
    for (Column<T> column : columns) {
      object.put(column.name(), column.value().apply(row));
    }
    return object;
  }

  private static String heading(String name) {
    return name.replace('_', ' ').toUpperCase(Locale.ROOT);
  }

  private void aligned(List<List<String>> lines, String gap) {
    int columns = lines.isEmpty() ? 0 : lines.getFirst().size();
    int[] widths = new int[columns];
    for (List<String> line : lines) {
      for (int i = 0; i < columns; i++) {
        widths[i] = Math.max(widths[i], line.get(i).length());
      }
    }
    for (List<String> line : lines) {
      StringBuilder text = new StringBuilder();
      for (int i = 0; i < columns; i++) {
        String cell = line.get(i);
        text.append(cell);
        if (i < columns - 1) {
          text.repeat(' ', widths[i] - cell.length()).append(gap);
        }
      }
      out.println(text);
    }
  }
}
