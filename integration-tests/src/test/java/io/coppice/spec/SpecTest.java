package io.coppice.spec;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The protocol of {@code docs/spec/Safekeepers.tla} holds in small worlds, those worlds are not
 * idle, and each rule is needed: without it something is violated. With {@code -Dspec.large=true}
 * also in larger worlds.
 */
@Tag("process")
@Timeout(value = 60, unit = TimeUnit.MINUTES)
final class SpecTest {
  private static final String LARGE = "spec.large";

  @TempDir private Path directory;

  @Test
  void holdsWhenADiskIsLost() throws IOException, InterruptedException {
    assertHolds(Bounds.of(2, 2, 1, 1), 200_000);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"NeverCommits", "NeverCommitsAfterRebuild", "NeverGoesOn", "NeverCutsAfterCommit"})
  @EnabledIfSystemProperty(named = LARGE, matches = "true")
  void reaches(String refuted) throws IOException, InterruptedException {
    assertViolates(Bounds.of(2, 2, 2, 1).refuting(refuted), refuted);
  }

  /** The one goal that needs all the others: a disk lost, rebuilt, and its word counted. */
  @Test
  void reachesACommitAfterARebuild() throws IOException, InterruptedException {
    String refuted = "NeverCommitsAfterRebuild";
    assertViolates(Bounds.of(1, 2, 1, 1).refuting(refuted), refuted);
  }

  @ParameterizedTest
  @CsvSource({
    "votes twice, 2, 2, 1, 0",
    "does not cut, 2, 2, 1, 0",
    "acknowledges before flush, 2, 2, 1, 0",
    "votes when wiped, 2, 2, 1, 1",
    "fences one peer, 2, 2, 1, 1",
  })
  void everyRuleIsNeeded(String rule, int proposers, int termMax, int lengthMax, int wipes)
      throws IOException, InterruptedException {
    assertSomethingBreaks(Bounds.of(proposers, termMax, lengthMax, wipes).breaking(rule));
  }

  @ParameterizedTest
  @CsvSource({
    "keeps acknowledgements, 2, 2, 1, 1",
    "fences without flush, 2, 2, 1, 1",
    "elects by length, 3, 3, 2, 0",
    "goes on with any log, 2, 3, 1, 1",
    "commits old terms by counting, 4, 4, 2, 0",
  })
  @EnabledIfSystemProperty(named = LARGE, matches = "true")
  void everySubtleRuleIsNeeded(String rule, int proposers, int termMax, int lengthMax, int wipes)
      throws IOException, InterruptedException {
    assertSomethingBreaks(Bounds.of(proposers, termMax, lengthMax, wipes).breaking(rule));
  }

  @Test
  void creationUnderOneNameIsNotSafe() throws IOException, InterruptedException {
    assertSomethingBreaks(Bounds.of(2, 2, 1, 1).fromCreation().breaking("creates under one name"));
  }

  @Test
  @EnabledIfSystemProperty(named = LARGE, matches = "true")
  void holdsFromCreation() throws IOException, InterruptedException {
    assertHolds(Bounds.of(2, 2, 1, 1).fromCreation(), 500_000);
  }

  @Test
  @EnabledIfSystemProperty(named = LARGE, matches = "true")
  void holdsWithLongerLogsAndMoreTerms() throws IOException, InterruptedException {
    assertHolds(Bounds.of(2, 3, 1, 1), 1_000_000);
    assertHolds(Bounds.of(3, 3, 2, 0), 1_000_000);
  }

  /** Too large to explore: as many behaviours as an hour allows, drawn at random. */
  @Test
  @EnabledIfSystemProperty(named = LARGE, matches = "true")
  void holdsInRandomBehaviours() throws IOException, InterruptedException {
    long seed = Long.getLong("seed", 1);
    Bounds wide = Bounds.of(4, 5, 4, 3);
    for (Bounds bounds : new Bounds[] {wide, wide.fromCreation()}) {
      Tlc.Outcome outcome = Tlc.walk(fresh(bounds), bounds, 100_000, 120, seed);
      say(bounds, outcome);
      assertThat(outcome.violated()).as(outcome.output()).isEmpty();
    }
  }

  private void assertHolds(Bounds bounds, long statesMin) throws IOException, InterruptedException {
    Tlc.Outcome outcome = Tlc.explore(fresh(bounds), bounds);
    say(bounds, outcome);
    assertThat(outcome.violated()).as(outcome.output()).isEmpty();
    assertThat(outcome.statesLeft()).isZero();
    assertThat(outcome.distinctStates()).isGreaterThan(statesMin);
  }

  private void assertSomethingBreaks(Bounds bounds) throws IOException, InterruptedException {
    Tlc.Outcome outcome = Tlc.explore(fresh(bounds), bounds);
    say(bounds, outcome);
    assertThat(outcome.violated()).as("with the rule broken: %s", outcome.output()).isPresent();
  }

  private void assertViolates(Bounds bounds, String invariant)
      throws IOException, InterruptedException {
    Tlc.Outcome outcome = Tlc.explore(fresh(bounds), bounds);
    say(bounds, outcome);
    assertThat(outcome.violated()).as("never reached: %s", outcome.output()).contains(invariant);
  }

  private Path fresh(Bounds bounds) throws IOException {
    return Files.createDirectory(directory.resolve(Integer.toHexString(bounds.hashCode())));
  }

  private static void say(Bounds bounds, Tlc.Outcome outcome) {
    System.out.printf(
        "%s: %s, %d states, %.1f s%n",
        bounds, outcome.violated().orElse("holds"), outcome.distinctStates(), outcome.seconds());
  }
}
