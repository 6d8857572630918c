package io.coppice.safekeeper.sim;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** Runs schedules. */
final class Simulation {

  /**
   * How a schedule ended.
   *
   * @param violation null if every invariant held
   * @param hash of all that happened; the same for the same schedule
   * @param faults how many struck, or would have
   */
  record Outcome(
      Schedule schedule, @Nullable Throwable violation, long hash, int faults, List<String> trace) {
    boolean held() {
      return violation == null;
    }
  }

  private Simulation() {}

  static Outcome run(Schedule schedule, Coverage coverage) {
    World world = new World(schedule, coverage);
    Throwable violation = null;
    try {
      world.run();
    } catch (Violation found) {
      violation = found;
    } catch (RuntimeException | Error bug) {
      violation = new Violation("a failure that nothing explains", bug);
    }
    return new Outcome(
        schedule, violation, world.hash(), world.faults.struck(), world.trace.lines());
  }
}
