package io.coppice.compute.proposer;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.platform.Clock;
import java.nio.file.Path;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
final class ProposerWatchTest {
  private static final long PATIENCE_MILLIS = 300;
  private static final long UNEVENTFUL_MILLIS = 1_500;

  @TempDir Path temporary;
  private ProposerWorld world;
  private ProposerWatch watch;

  @BeforeEach
  void start() throws Exception {
    world = new ProposerWorld(temporary);
    watch = ProposerWatch.open(world.id, world.config().safekeepers(), Clock.SYSTEM);
  }

  @AfterEach
  void stop() throws Exception {
    watch.close();
    world.close();
  }

  private FutureTask<Void> absence() {
    FutureTask<Void> absence =
        new FutureTask<>(() -> {
          watch.awaitAbsence(PATIENCE_MILLIS);
          return null;
        });
    Thread.ofPlatform().daemon().start(absence);
    return absence;
  }

  private static void assertNothingHappens(FutureTask<Void> absence) {
    assertThatThrownBy(() -> absence.get(UNEVENTFUL_MILLIS, TimeUnit.MILLISECONDS))
        .isInstanceOf(TimeoutException.class);
  }

  @Test
  void noSafekeeperHasATimelineThatNobodyEverWrote() throws Exception {
    absence().get();
  }

  @Test
  void aProposerIsThereUntilItEndsThoughASafekeeperIsNot() throws Exception {
    FutureTask<Void> absence;
    try (WalProposer proposer = WalProposer.elect(world.config())) {
      proposer.stopCreating();
      absence = absence();
      assertNothingHappens(absence);
      world.stopSafekeeper(2);
      assertNothingHappens(absence);
    }
    absence.get();
  }

  @Test
  void aSafekeeperThatDoesNotAnswerMayHaveOne() throws Exception {
    WalProposer.elect(world.config()).close();
    absence().get();
    watch.close();
    world.stopSafekeeper(1);
    world.stopSafekeeper(2);
    watch = ProposerWatch.open(world.id, world.config().safekeepers(), Clock.SYSTEM);
    FutureTask<Void> absence = absence();
    assertNothingHappens(absence);
    world.startSafekeeper(1);
    // A proposer would come back to it within some seconds.
    assertNothingHappens(absence);
    absence.get();
  }
}
