package io.coppice.safekeeper.sim;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

final class SimulationTest {
  private static final long SCHEDULES = 20_000;
  private static final int ELECTIONS_PER_MILLION_EVENTS_MIN = 4_000;

  /** What a fault that strikes at any operation of the disk must have hit. */
  private static final List<String> STEPS =
      List.of(
          "WRITE control.tmp",
          "SYNC_FILE control.tmp",
          "RENAME control",
          "SYNC_DIRECTORY directory",
          "CREATE segment.tmp",
          "WRITE segment.tmp",
          "SYNC_FILE segment.tmp",
          "RENAME segment",
          "SYNC_DIRECTORY wal",
          "WRITE segment",
          "SYNC_FILE segment",
          "DELETE segment",
          "CREATE_DIRECTORY tenants",
          "CREATE_DIRECTORY wal",
          "RENAME safekeeper.format");

  @Test
  @Timeout(600)
  void losesNothingAndGoesOn() throws InterruptedException {
    long tries = Long.getLong("schedules", SCHEDULES);
    Batch batch =
        new Batch(0, tries, Schedule.ALL_KINDS, Runtime.getRuntime().availableProcessors());
    batch.run();
    System.out.printf("%s%,.0f schedules/s%n", batch.coverage(), batch.schedulesPerSecond());
    List<String> failed = new ArrayList<>();
    for (Simulation.Outcome outcome : batch.failed()) {
      failed.add("%s: %s".formatted(outcome.schedule().command(), outcome.violation()));
    }
    assertThat(failed).isEmpty();
    checkCoverage(batch.coverage(), tries);
  }

  /** A simulation that idles would hold every invariant. */
  private static void checkCoverage(Coverage seen, long tries) {
    assertThat(seen.busySchedules()).as("busy schedules").isGreaterThan(tries / 2);
    assertThat(seen.marks("elected") * 1_000_000 / seen.events())
        .as("elections per million events")
        .isGreaterThan(ELECTIONS_PER_MILLION_EVENTS_MIN);
    for (FaultKind kind : EnumSet.allOf(FaultKind.class)) {
      assertThat(seen.faults(kind)).as("%s", kind).isGreaterThan(tries / 20);
    }
    for (String quorum : Set.of("11", "101", "110")) {
      assertThat(seen.marks("committed by quorum " + quorum)).as(quorum).isGreaterThan(tries / 20);
    }
    for (String mark :
        List.of(
            "log was cut by two terms or more",
            "fed from another safekeeper",
            "fenced",
            "ended while starting",
            "refused by a full disk",
            "a timeline that is not there was refused",
            "found its damage",
            "a segment was uploaded",
            "refused by the object store",
            "done by the object store without an answer",
            "old WAL was removed",
            "read back from the object store",
            "read by the page server")) {
      assertThat(seen.marks(mark)).as(mark).isPositive();
    }
    for (String step : STEPS) {
      for (String fault :
          List.of("power lost before ", "power lost after ", "killed before ", "killed after ")) {
        assertThat(seen.marks(fault + step)).as(fault + step).isPositive();
      }
    }
  }

  @Test
  void doesTheSameForTheSameSeed() {
    for (int seed = 0; seed < 100; seed++) {
      Simulation.Outcome once = Simulation.run(Schedule.of(seed), new Coverage());
      Simulation.Outcome again = Simulation.run(Schedule.of(seed).traced(), new Coverage());
      assertThat(again.hash()).as("seed %d", seed).isEqualTo(once.hash());
    }
  }
}
