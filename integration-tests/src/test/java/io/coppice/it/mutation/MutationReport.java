package io.coppice.it.mutation;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What became of the mutants of each class of redo. */
public final class MutationReport {
  private static final String LINE = "%-24s %8s %8s %8s %8s %8s%n";
  private static final Pattern MAJORS = Pattern.compile("V(\\d+)To(\\d+)$");

  /** Measured: 84 and more. The rest makes no difference, or none that Postgres's masks leave. */
  private static final int CAUGHT_PERCENT_MIN = 75;

  /** Pages that only the page server keeps, and blocks that only later minors put into records. */
  private static final Set<String> NEVER_REACHED = Set.of("SlruPages", "HeapVisibility");

  private static final class Row {
    private final int points;
    private final int reached;
    private int mutants;
    private final List<MutationPoint> survivors = new ArrayList<>();

    Row(int points, int reached) {
      this.points = points;
      this.reached = reached;
    }

    int caught() {
      return mutants - survivors.size();
    }
  }

  private final int major;
  private final long seed;
  private final Map<String, Row> rows = new TreeMap<>();

  MutationReport(int major, long seed) {
    this.major = major;
    this.seed = seed;
  }

  void add(String className, int points, int reached) {
    rows.put(className, new Row(points, reached));
  }

  void add(MutationPoint point, boolean isCaught) {
    Row row = Objects.requireNonNull(rows.get(point.topClass()));
    row.mutants++;
    if (!isCaught) {
      row.survivors.add(point);
    }
  }

  private int mutants() {
    return rows.values().stream().mapToInt(row -> row.mutants).sum();
  }

  private int caught() {
    return rows.values().stream().mapToInt(Row::caught).sum();
  }

  /** Each class that the major has had a mutant that was caught, and of all, most were. */
  public void check() {
    assertThat(rows)
        .as("caught mutants by class")
        .allSatisfy((className, row) -> {
          if (row.reached > 0) {
            assertThat(row.caught()).isPositive();
          } else {
            assertThat(isOfMajor(className) && !NEVER_REACHED.contains(className)).isFalse();
          }
        });
    assertThat(caught() * 100 / mutants())
        .as("percent of mutants that were caught")
        .isGreaterThanOrEqualTo(CAUGHT_PERCENT_MIN);
  }

  private boolean isOfMajor(String className) {
    Matcher majors = MAJORS.matcher(className);
    return !majors.find()
        || (Integer.parseInt(majors.group(1)) <= major
            && major <= Integer.parseInt(majors.group(2)));
  }

  /** A table with a line for each class, and the survivors. */
  @Override
  public String toString() {
    StringBuilder text =
        new StringBuilder("defects in redo of %d, seed %d%n".formatted(major, seed));
    text.append(LINE.formatted("class", "points", "reached", "mutants", "caught", "survived"));
    rows.forEach((className, row) ->
        text.append(
            LINE.formatted(
                className,
                row.points,
                row.reached,
                row.mutants,
                row.caught(),
                row.survivors.size())));
    text.append("caught %d of %d%n".formatted(caught(), mutants()));
    rows.values()
        .forEach(
            row -> row.survivors.forEach(point -> text.append("survived: %s%n".formatted(point))));
    return text.toString();
  }
}
