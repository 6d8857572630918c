package io.coppice.pageserver.sim;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.function.LongFunction;

/** Looks for a history in which something is wrong. Made in a mutant's own class loader. */
public final class MutantHunt implements LongFunction<String> {

  /**
   * Runs up to {@code historiesMax} of them.
   *
   * @return how many operations it took, at most, and what was seen; empty if nothing was
   */
  @Override
  public String apply(long historiesMax) {
    for (long seed = 0; seed < historiesMax; seed++) {
      try {
        Simulation.Outcome outcome =
            Simulation.run(seed, Batch.OPERATIONS_PER_HISTORY, new Coverage());
        if (!outcome.held()) {
          return "%d: %s".formatted(seed + 1, outcome.violation());
        }
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return "";
  }
}
