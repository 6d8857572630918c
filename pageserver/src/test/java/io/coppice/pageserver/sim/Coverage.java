package io.coppice.pageserver.sim;

import java.util.Map;
import java.util.TreeMap;

/** What was seen in some histories: a simulation that sees nothing proves nothing. */
final class Coverage {
  private final Map<String, Long> marks = new TreeMap<>();
  private long histories;
  private long operations;

  void mark(String what) {
    marks.merge(what, 1L, Long::sum);
  }

  void finished(long operationsDone) {
    histories++;
    operations += operationsDone;
  }

  void add(Coverage other) {
    other.marks.forEach((what, count) -> marks.merge(what, count, Long::sum));
    histories += other.histories;
    operations += other.operations;
  }

  long marks(String what) {
    return marks.getOrDefault(what, 0L);
  }

  long operations() {
    return operations;
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    text.append("%,d histories, %,d operations%n".formatted(histories, operations));
    marks.forEach((what, count) -> text.append("  %-52s %,12d%n".formatted(what, count)));
    return text.toString();
  }
}
