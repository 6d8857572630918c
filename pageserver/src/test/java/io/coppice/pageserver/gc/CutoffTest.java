package io.coppice.pageserver.gc;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.id.Lsn;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class CutoffTest {
  private static final GcSettings SETTINGS = new GcSettings(Duration.ofDays(1), 300);

  private static Cutoff cutoff(long readableFrom, long durable, long window, long lease) {
    return Cutoff.of(
        new Cutoff.Inputs(
            new Lsn(readableFrom),
            new Lsn(100),
            new Lsn(1_000),
            new Lsn(durable),
            window == 0 ? Optional.empty() : Optional.of(new Lsn(window)),
            lease == 0 ? Optional.empty() : Optional.of(new Lsn(lease))),
        SETTINGS);
  }

  @Test
  void isTheOldestThatAnythingHolds() {
    assertThat(cutoff(100, 1_000, 0, 0)).isEqualTo(new Cutoff(new Lsn(700), Cutoff.Reason.HORIZON));
    assertThat(cutoff(100, 1_000, 900, 0).reason()).isEqualTo(Cutoff.Reason.HORIZON);
    assertThat(cutoff(100, 1_000, 600, 0)).isEqualTo(new Cutoff(new Lsn(600), Cutoff.Reason.PITR));
    assertThat(cutoff(100, 500, 600, 0)).isEqualTo(new Cutoff(new Lsn(500), Cutoff.Reason.FLUSH));
    assertThat(cutoff(100, 500, 600, 400)).isEqualTo(new Cutoff(new Lsn(400), Cutoff.Reason.LEASE));
  }

  @Test
  void neverGoesBack() {
    assertThat(cutoff(650, 1_000, 600, 0)).isEqualTo(new Cutoff(new Lsn(650), Cutoff.Reason.PITR));
  }

  @Test
  void countsOnlyTheBranchesOwnWalForTheHorizon() {
    Cutoff cutoff =
        Cutoff.of(
            new Cutoff.Inputs(
                new Lsn(50),
                new Lsn(900),
                new Lsn(1_000),
                new Lsn(1_000),
                Optional.empty(),
                Optional.empty()),
            SETTINGS);
    assertThat(cutoff.lsn()).isEqualTo(new Lsn(900));
  }
}
