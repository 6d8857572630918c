package io.coppice.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * A plot of lines as SVG: the horizontal axis is logarithmic, the vertical one begins at zero, so
 * that what does not grow is seen to be flat.
 */
final class LinePlot {
  private static final int WIDTH = 640;
  private static final int HEIGHT = 360;
  private static final int LEFT = 70;
  private static final int RIGHT = 20;
  private static final int TOP = 40;
  private static final int BOTTOM = 55;
  private static final int LEGEND_LINE = 18;
  private static final int GRID_LINES = 5;
  private static final List<String> COLORS = List.of("#1f6fb4", "#d1602a", "#2f8f4e", "#7d4fa0");

  /** A line; its points are in the order of the horizontal axis, {@code x} above 0. */
  record Series(String name, List<Point> points) {}

  /** One measurement. */
  record Point(double x, double y) {}

  private final String title;
  private final String horizontal;
  private final String vertical;
  private final List<Series> lines = new ArrayList<>();

  LinePlot(String title, String horizontal, String vertical) {
    this.title = title;
    this.horizontal = horizontal;
    this.vertical = vertical;
  }

  void add(Series line) {
    if (line.points().isEmpty()
        || line.points().stream().anyMatch(point -> point.x() <= 0 || point.y() < 0)) {
      throw new IllegalArgumentException(
          "points of %s: at least one, x above 0, y not below it".formatted(line.name()));
    }
    lines.add(line);
  }

  void write(Path file) throws IOException {
    Files.writeString(file, svg());
  }

  String svg() {
    StringBuilder svg = new StringBuilder();
    line(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\""
            + " font-family=\"sans-serif\" font-size=\"12\">",
        WIDTH,
        HEIGHT);
    line(svg, "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>");
    text(svg, WIDTH / 2.0, 22, "middle", title);
    text(svg, (LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 12, "middle", horizontal);
    line(
        svg,
        "<text transform=\"translate(16 %s) rotate(-90)\" text-anchor=\"middle\">%s</text>",
        number((TOP + HEIGHT - BOTTOM) / 2.0),
        escaped(vertical));
    grid(svg);
    for (int i = 0; i < lines.size(); i++) {
      draw(svg, lines.get(i), COLORS.get(i % COLORS.size()), TOP + LEGEND_LINE * i);
    }
    line(svg, "</svg>");
    return svg.toString();
  }

  private void grid(StringBuilder svg) {
    double step = step();
    for (int i = 0; i <= GRID_LINES; i++) {
      double y = y(i * step);
      line(
          svg,
          "<line x1=\"%d\" y1=\"%s\" x2=\"%d\" y2=\"%s\" stroke=\"#ddd\"/>",
          LEFT,
          number(y),
          WIDTH - RIGHT,
          number(y));
      text(svg, LEFT - 6, y + 4, "end", number(i * step));
    }
    List<Double> marks =
        lines.stream()
            .flatMap(line -> line.points().stream())
            .map(Point::x)
            .distinct()
            .sorted()
            .toList();
    for (double mark : marks) {
      text(svg, x(mark), HEIGHT - BOTTOM + 18, "middle", number(mark));
    }
  }

  private void draw(StringBuilder svg, Series series, String color, int legendY) {
    StringBuilder path = new StringBuilder();
    for (Point point : series.points()) {
      path.append(number(x(point.x()))).append(',').append(number(y(point.y()))).append(' ');
      line(
          svg,
          "<circle cx=\"%s\" cy=\"%s\" r=\"3\" fill=\"%s\"/>",
          number(x(point.x())),
          number(y(point.y())),
          color);
    }
    line(
        svg,
        "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" points=\"%s\"/>",
        color,
        path.toString().strip());
    line(
        svg,
        "<rect x=\"%d\" y=\"%d\" width=\"12\" height=\"4\" fill=\"%s\"/>",
        LEFT + 10,
        legendY,
        color);
    text(svg, LEFT + 28, legendY + 6, "start", series.name());
  }

  private double x(double value) {
    double smallest = Math.log(extreme(true));
    double largest = Math.log(extreme(false));
    double part = largest > smallest ? (Math.log(value) - smallest) / (largest - smallest) : 0.5;
    return LEFT + 10 + part * (WIDTH - LEFT - RIGHT - 20);
  }

  private double extreme(boolean smallest) {
    var values = lines.stream().flatMap(line -> line.points().stream()).mapToDouble(Point::x);
    return (smallest ? values.min() : values.max()).orElse(1);
  }

  private double y(double value) {
    return HEIGHT - BOTTOM - value / (GRID_LINES * step()) * (HEIGHT - TOP - BOTTOM);
  }

  /** Between two grid lines: 1, 2 or 5 times a power of ten, with room for the highest point. */
  private double step() {
    double highest =
        lines.stream()
            .flatMap(line -> line.points().stream())
            .mapToDouble(Point::y)
            .max()
            .orElse(1);
    double wanted = Math.max(highest * 1.1, 1e-9) / GRID_LINES;
    double power = Math.pow(10, Math.floor(Math.log10(wanted)));
    for (double factor : new double[] {1, 2, 5}) {
      if (factor * power >= wanted) {
        return factor * power;
      }
    }
    return 10 * power;
  }

  private static void text(StringBuilder svg, double x, double y, String anchor, String words) {
    line(
        svg,
        "<text x=\"%s\" y=\"%s\" text-anchor=\"%s\">%s</text>",
        number(x),
        number(y),
        anchor,
        escaped(words));
  }

  private static void line(StringBuilder svg, String format, Object... arguments) {
    svg.append(String.format(Locale.ROOT, format, arguments)).append('\n');
  }

  /** At most two digits behind the point, and no zeros at its end. */
  private static String number(double value) {
    String text = String.format(Locale.ROOT, "%.2f", value);
    return text.replaceAll("0+$", "").replaceAll("\\.$", "");
  }

  private static String escaped(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }
}
