package io.coppice.safekeeper.sim;

import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * What to simulate. The seed decides everything; the rest takes away from it, to find out what is
 * needed for a violation.
 *
 * @param kindsMask of the faults the seed chose, those that may strike; see {@link FaultKind#bit}
 * @param suppressed faults that do not strike, by their number in the order they would
 * @param trace whether to write down what happens
 */
record Schedule(long seed, long kindsMask, Set<Integer> suppressed, boolean trace) {
  static final long ALL_KINDS = -1;

  Schedule {
    suppressed = Set.copyOf(suppressed);
  }

  static Schedule of(long seed) {
    return new Schedule(seed, ALL_KINDS, Set.of(), false);
  }

  Schedule withKinds(long mask) {
    return new Schedule(seed, mask, suppressed, trace);
  }

  Schedule suppressing(Set<Integer> numbers) {
    return new Schedule(seed, kindsMask, numbers, trace);
  }

  Schedule traced() {
    return new Schedule(seed, kindsMask, suppressed, true);
  }

  /** As {@code make sim} takes it. */
  String command() {
    String mask = kindsMask == ALL_KINDS ? "" : " FAULTS=" + Long.toHexString(kindsMask);
    String without =
        suppressed.isEmpty()
            ? ""
            : new TreeSet<>(suppressed)
                .stream().map(String::valueOf).collect(Collectors.joining(",", " WITHOUT=", ""));
    return "make sim SEED=%d%s%s".formatted(seed, mask, without);
  }
}
