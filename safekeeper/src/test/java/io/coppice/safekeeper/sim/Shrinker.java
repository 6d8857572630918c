package io.coppice.safekeeper.sim;

import java.util.HashSet;
import java.util.Set;

/**
 * Takes faults away from a schedule as long as something is still violated: whole kinds first, then
 * one by one. The seed stays.
 */
final class Shrinker {
  private static final int RUNS_MAX = 400;

  private int runs;

  Simulation.Outcome shrink(Simulation.Outcome failed) {
    Simulation.Outcome smallest = withoutKinds(failed);
    smallest = withoutSingles(smallest);
    return Simulation.run(smallest.schedule().traced(), new Coverage());
  }

  private Simulation.Outcome withoutKinds(Simulation.Outcome failed) {
    Simulation.Outcome smallest = failed;
    for (FaultKind kind : FaultKind.values()) {
      Schedule schedule = smallest.schedule();
      smallest = tried(schedule.withKinds(schedule.kindsMask() & ~kind.bit()), smallest);
    }
    return smallest;
  }

  /** Halves, quarters, eighths ... of what strikes are taken away. */
  private Simulation.Outcome withoutSingles(Simulation.Outcome failed) {
    Simulation.Outcome smallest = failed;
    for (int size = Math.max(1, failed.faults() / 2); ; size /= 2) {
      for (int from = 0; from < smallest.faults() && runs < RUNS_MAX; from += size) {
        Set<Integer> suppressed = new HashSet<>(smallest.schedule().suppressed());
        for (int number = from; number < from + size; number++) {
          suppressed.add(number);
        }
        if (suppressed.size() > smallest.schedule().suppressed().size()) {
          smallest = tried(smallest.schedule().suppressing(suppressed), smallest);
        }
      }
      if (size == 1 || runs >= RUNS_MAX) {
        return smallest;
      }
    }
  }

  private Simulation.Outcome tried(Schedule schedule, Simulation.Outcome otherwise) {
    runs++;
    Simulation.Outcome outcome = Simulation.run(schedule, new Coverage());
    return outcome.held() ? otherwise : outcome;
  }
}
