package io.coppice.safekeeper.consensus;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.testsupport.Seeded;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(120)
final class ConsensusSimulationTest {
  private static final int TROUBLE_STEPS = 3_000;
  private static final int PEACE_STEPS = 1_500;
  private static final int MUTANT_SEEDS_MAX = 2_000;

  @Seeded(tries = 150)
  void losesNothingAndGoesOn(long seed) {
    new SimWorld(seed, Mutant.NONE).run(TROUBLE_STEPS, PEACE_STEPS);
  }

  @Test
  void seesWhatItIsMeantToSee() {
    int elections = 0;
    int crashes = 0;
    int cuts = 0;
    long committed = 0;
    for (int seed = 0; seed < 50; seed++) {
      SimWorld world = new SimWorld(seed, Mutant.NONE);
      world.run(TROUBLE_STEPS, PEACE_STEPS);
      elections += world.elections;
      crashes += world.crashes;
      cuts += world.cuts;
      committed += world.committedBytes();
    }
    assertThat(elections).as("elections").isGreaterThan(250);
    assertThat(crashes).as("crashes").isGreaterThan(250);
    assertThat(cuts).as("cuts").isGreaterThan(25);
    assertThat(committed).as("committed bytes").isGreaterThan(50_000);
  }

  @ParameterizedTest
  @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "NONE")
  void findsPlantedMistakes(Mutant mutant) {
    for (int seed = 0; seed < MUTANT_SEEDS_MAX; seed++) {
      try {
        new SimWorld(seed, mutant).run(TROUBLE_STEPS, PEACE_STEPS);
      } catch (AssertionError found) {
        if (!String.valueOf(found.getMessage()).contains(SimWorld.NO_PROGRESS)) {
          return; // what must never happen was seen to happen
        }
      }
    }
    throw new AssertionError("%s was not found in %d runs".formatted(mutant, MUTANT_SEEDS_MAX));
  }
}
