package io.coppice.cli.demo;

import io.coppice.cli.output.CommandFailure;
import io.coppice.cli.output.ExitCode;
import io.coppice.cli.output.Output;
import io.coppice.common.platform.Clock;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Tells the story: a numbered line for each step, with the seconds since the beginning. */
final class Narrator {
  private final Output output;
  private final Clock clock;
  private final long startedMillis;
  private final List<Map<String, Object>> told = new ArrayList<>();

  Narrator(Output output, Clock clock) {
    this.output = output;
    this.clock = clock;
    this.startedMillis = clock.monotonicMillis();
  }

  /** One line. In JSON form all of them come at the end. */
  void tell(String format, Object... arguments) {
    String text = format.formatted(arguments);
    double seconds = (clock.monotonicMillis() - startedMillis) / 1e3;
    if (!output.isJson()) {
      output.print("%5.1f s  %2d. %s%n".formatted(seconds, told.size() + 1, text));
    }
    Map<String, Object> line = new LinkedHashMap<>();
    line.put("seconds", seconds);
    line.put("text", text);
    told.add(line);
  }

  void end() {
    if (output.isJson()) {
      output.json(told);
    }
  }

  /** What must hold for the demo to succeed. */
  static void check(boolean holds, String format, Object... arguments) throws CommandFailure {
    if (!holds) {
      throw new CommandFailure(
          ExitCode.INTERNAL, "the demo found what must not be: " + format.formatted(arguments));
    }
  }

  /** As {@link #check}, for a value that is known beforehand. */
  static void checkSame(String what, Object expected, Object actual) throws CommandFailure {
    check(expected.equals(actual), "%s should be %s and is %s", what, expected, actual);
  }
}
