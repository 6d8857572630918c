package io.coppice.safekeeper.sim;

import java.util.Comparator;
import java.util.function.BiFunction;

/** Looks for a schedule in which something is violated. Made in a mutant's own class loader. */
public final class MutantHunt implements BiFunction<Long, Long, String> {

  /**
   * Runs up to {@code schedulesMax} of them.
   *
   * @param first seed
   * @return the number of the seed, from one on, and what was seen; empty if nothing was
   */
  @Override
  public String apply(Long first, Long schedulesMax) {
    Batch batch =
        new Batch(
            first, schedulesMax, Schedule.ALL_KINDS, Runtime.getRuntime().availableProcessors(), 1);
    try {
      batch.run();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return "";
    }
    return batch.failed().stream()
        .min(Comparator.comparingLong(outcome -> outcome.schedule().seed()))
        .map(outcome -> "%d: %s".formatted(outcome.schedule().seed() + 1, outcome.violation()))
        .orElse("");
  }
}
