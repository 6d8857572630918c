package io.coppice.safekeeper.sim;

import java.util.ArrayList;
import java.util.List;
import java.util.function.LongSupplier;

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

  boolean isOn() {
    return on;
  }

  void add(String line) {
    if (on && lines.size() < LINES_MAX) {
      lines.add("%9d us  %s".formatted(nowMicros.getAsLong(), line));
    }
  }

  List<String> lines() {
    return List.copyOf(lines);
  }
}
