package io.coppice.pageserver.sim;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The storage engine on random trees of branches, under faults, against maps in memory. */
@Timeout(300)
final class SimulationTest {

  @Test
  void answersAsMapsInMemoryDo() throws InterruptedException {
    Batch batch = new Batch(0, Long.getLong("ops", 5_000));
    batch.run(Runtime.getRuntime().availableProcessors());
    System.out.print(batch.coverage());
    List<String> failed = new ArrayList<>();
    for (Simulation.Outcome outcome : batch.failed()) {
      failed.add("%s: %s".formatted(outcome.command(), outcome.violation()));
    }
    assertThat(failed).isEmpty();
    assertThat(Marks.missing(batch.coverage())).as("never seen").isEmpty();
  }

  @Test
  void doesTheSameForTheSameSeed() throws IOException {
    for (int seed = 0; seed < 2; seed++) {
      Simulation.Outcome once = Simulation.run(seed, 100, new Coverage());
      Simulation.Outcome again = Simulation.run(seed, 100, new Coverage());
      assertThat(again.trace()).as("seed %d", seed).isEqualTo(once.trace());
    }
  }
}
