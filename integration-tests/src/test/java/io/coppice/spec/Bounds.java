package io.coppice.spec;

import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * How large a world TLC looks at, and what for.
 *
 * @param begin where it begins, as said in the model
 * @param broken which rule of the protocol is left out
 * @param invariants what must hold in each state
 */
record Bounds(
    int proposers,
    int termMax,
    int lengthMax,
    int generationMax,
    int wipes,
    String begin,
    String broken,
    List<String> invariants) {
  private static final String NOTHING = "nothing";
  private static final List<String> SAFETY =
      List.of(
          "OneLeaderPerTerm",
          "LogMatching",
          "LeaderHasCommitted",
          "CommittedIsFinal",
          "CommittedIsOnQuorum",
          "CommitIsFlushed");

  /** Of a timeline that was started before. */
  static Bounds of(int proposers, int termMax, int lengthMax, int wipes) {
    return new Bounds(proposers, termMax, lengthMax, wipes, wipes, "empty", NOTHING, SAFETY);
  }

  Bounds from(String place) {
    return new Bounds(
        proposers, termMax, lengthMax, generationMax, wipes, place, broken, invariants);
  }

  Bounds withoutRebuilds() {
    return new Bounds(proposers, termMax, lengthMax, 0, wipes, begin, broken, invariants);
  }

  Bounds breaking(String rule) {
    return new Bounds(proposers, termMax, lengthMax, generationMax, wipes, begin, rule, invariants);
  }

  /** Asks for a state in which that does not hold, and nothing else. */
  Bounds refuting(String invariant) {
    return new Bounds(
        proposers, termMax, lengthMax, generationMax, wipes, begin, broken, List.of(invariant));
  }

  /** As TLC reads it. */
  String toConfig() {
    return """
    SPECIFICATION Spec
    CONSTANTS
      Acceptors = {a1, a2, a3}
      Proposers = {%s}
      MaxTerm = %d
      MaxLength = %d
      MaxGeneration = %d
      MaxWipes = %d
      Begin = "%s"
      Broken = "%s"
    SYMMETRY Symmetry
    INVARIANTS %s
    %s
    """
        .formatted(
            IntStream.rangeClosed(1, proposers)
                .mapToObj(i -> "p" + i)
                .collect(Collectors.joining(", ")),
            termMax,
            lengthMax,
            generationMax,
            wipes,
            begin,
            broken,
            String.join(" ", invariants),
            broken.equals(NOTHING) ? "PROPERTIES CommitsOnlyRise PromisesOnlyRise" : "");
  }
}
