package io.coppice.safekeeper.sim;

import io.coppice.testsupport.Randoms;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.random.RandomGenerator;

/**
 * Which faults strike. Each schedule has a random half of the kinds, each with a rate of its own,
 * so that some faults are seen without others in the way. Each kind draws from its own randomness:
 * to take one away does not reshuffle the others.
 */
final class FaultPlan {
  private static final int RATE_FACTOR_PERCENT_MAX = 300;

  private record Chosen(RandomGenerator random, int ratePercent) {}

  private final Schedule schedule;
  private final Coverage coverage;
  private final Trace trace;
  private final Map<FaultKind, Chosen> chosen = new EnumMap<>(FaultKind.class);
  private boolean calm;
  private int struck;

  FaultPlan(Schedule schedule, Randoms named, Coverage coverage, Trace trace) {
    this.schedule = schedule;
    this.coverage = coverage;
    this.trace = trace;
    RandomGenerator choice = named.of("swarm");
    for (FaultKind kind : FaultKind.values()) {
      boolean isChosen = choice.nextBoolean();
      int rate = 20 + choice.nextInt(RATE_FACTOR_PERCENT_MAX);
      if (isChosen && (schedule.kindsMask() & kind.bit()) != 0) {
        chosen.put(kind, new Chosen(named.of(kind.name()), rate));
      }
    }
  }

  /** From now on nothing goes wrong. */
  void calm() {
    calm = true;
  }

  /** Faults that have struck, or would have if they had not been suppressed. */
  int struck() {
    return struck;
  }

  /**
   * Whether a fault strikes here and now.
   *
   * @param perMillion how often on average
   */
  boolean strikes(FaultKind kind, int perMillion) {
    Chosen one = chosen.get(kind);
    if (calm || one == null) {
      return false;
    }
    long chance = (long) perMillion * one.ratePercent / 100;
    if (one.random.nextInt(1_000_000) >= chance) {
      return false;
    }
    int number = struck++;
    if (schedule.suppressed().contains(number)) {
      return false;
    }
    coverage.struck(kind);
    trace.add("fault %d: %s", number, kind);
    return true;
  }

  /** How long a fault that has struck lasts, or anything else about it. */
  int some(FaultKind kind, int bound) {
    return Objects.requireNonNull(chosen.get(kind)).random.nextInt(bound);
  }
}
