package io.coppice.bench;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import tools.jackson.databind.json.JsonMapper;

/** Shows figures as a table, and writes them as JSON. */
final class Report {
  private static final String ROW = "%-40s %12s %-8s %12s %8s%n";

  private final List<Figure> figures = new ArrayList<>();

  void add(Figure figure) {
    figures.add(figure);
  }

  void print(PrintStream out) {
    out.printf(ROW, "name", "value", "unit", "anchor", "ratio");
    for (Figure figure : figures) {
      out.printf(
          ROW,
          figure.name(),
          number(OptionalDouble.of(figure.value())),
          figure.unit(),
          number(figure.anchor()),
          number(figure.ratio()));
    }
  }

  private static String number(OptionalDouble value) {
    if (value.isEmpty()) {
      return "-";
    }
    double number = value.getAsDouble();
    return String.format(Locale.ROOT, Math.abs(number) < 100 ? "%.2f" : "%,.0f", number);
  }

  /** A list of {name, unit, value, anchor, ratio}; what is not there is null. */
  void write(Path file) throws IOException {
    List<Map<String, Object>> rows = new ArrayList<>();
    for (Figure figure : figures) {
      Map<String, Object> row = new LinkedHashMap<>();
      row.put("name", figure.name());
      row.put("unit", figure.unit());
      row.put("value", rounded(figure.value()));
      row.put("anchor", json(figure.anchor()));
      row.put("ratio", json(figure.ratio()));
      rows.add(row);
    }
    Files.writeString(
        file,
        JsonMapper.builder().build().writerWithDefaultPrettyPrinter().writeValueAsString(rows)
            + System.lineSeparator());
  }

  private static @org.jspecify.annotations.Nullable Object json(OptionalDouble value) {
    return value.isPresent() ? rounded(value.getAsDouble()) : null;
  }

  private static double rounded(double value) {
    return Math.round(value * 1000) / 1000.0;
  }
}
