package io.coppice.safekeeper.sim;

import java.util.function.LongFunction;

/** Looks for a schedule in which something is violated. Made in a mutant's own class loader. */
public final class MutantHunt implements LongFunction<String> {

  /**
   * Runs up to {@code schedulesMax} of them.
   *
   * @return how many it took, and what was seen; empty if nothing was
   */
  @Override
  public String apply(long schedulesMax) {
    for (long seed = 0; seed < schedulesMax; seed++) {
      Simulation.Outcome outcome = Simulation.run(Schedule.of(seed), new Coverage());
      if (!outcome.held()) {
        return "%d: %s".formatted(seed + 1, outcome.violation());
      }
    }
    return "";
  }
}
