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
import org.jspecify.annotations.Nullable;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/** Shows figures as a table, and writes them as JSON. */
final class Report {
  private static final String ROW = "%-40s %12s %-8s %12s %8s%n";

  private static final String NAME = "name";

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

  /**
   * A list of {name, unit, value, anchor, ratio}; what is not there is null. Figures that the file
   * has of other benchmarks stay in it.
   */
  void write(Path file) throws IOException {
    JsonMapper json = JsonMapper.builder().build();
    Map<String, Map<String, Object>> rows = new LinkedHashMap<>();
    if (Files.exists(file)) {
      List<Map<String, Object>> before =
          json.readValue(Files.readString(file), new TypeReference<>() {});
      before.forEach(row -> rows.put(String.valueOf(row.get(NAME)), row));
    }
    figures.forEach(figure -> rows.put(figure.name(), row(figure)));
    Files.writeString(
        file,
        json.writerWithDefaultPrettyPrinter().writeValueAsString(rows.values())
            + System.lineSeparator());
  }

  private static Map<String, Object> row(Figure figure) {
    Map<String, Object> row = new LinkedHashMap<>();
    row.put(NAME, figure.name());
    row.put("unit", figure.unit());
    row.put("value", rounded(figure.value()));
    row.put("anchor", json(figure.anchor()));
    row.put("ratio", json(figure.ratio()));
    return row;
  }

  private static @Nullable Object json(OptionalDouble value) {
    return value.isPresent() ? rounded(value.getAsDouble()) : null;
  }

  private static double rounded(double value) {
    return Math.round(value * 1000) / 1000.0;
  }
}
