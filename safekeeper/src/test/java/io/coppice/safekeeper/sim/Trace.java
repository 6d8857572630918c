package io.coppice.safekeeper.sim;

import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/** What happened, line by line, if anybody wants to know. */
final class Trace {
  private static final int LINES_MAX = 100_000;

  private final boolean on;
  private final LongSupplier nowMicros;
  private final List<String> lines = new ArrayList<>();

  Trace(boolean on, LongSupplier nowMicros) {
    this.on = on;
    this.nowMicros = nowMicros;
  }

  /** Costs next to nothing while nobody wants to know. */
  void add(String format, @Nullable Object... arguments) {
    if (on && lines.size() < LINES_MAX) {
      lines.add("%9d us  %s".formatted(nowMicros.getAsLong(), format.formatted(arguments)));
    }
  }

  List<String> lines() {
    return List.copyOf(lines);
  }
}
