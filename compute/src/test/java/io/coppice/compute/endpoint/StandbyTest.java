package io.coppice.compute.endpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TimelineId;
import io.coppice.compute.postgres.TestPostgres;
import io.coppice.compute.storage.BranchPoint;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A stock Postgres on real storage, and one that waits for its end. */
@Timeout(180)
final class StandbyTest {
  private static final long PATIENCE_MILLIS = 300;
  private static final long UNEVENTFUL_MILLIS = 1_500;
  private static final long NOTICED_MILLIS = 7_000;

  /** More than Linux gives out. */
  private static final long PID_OF_NOBODY = 1L << 23;

  @TempDir Path directory;
  private TestStorage storage;

  @BeforeEach
  void startStorage() throws Exception {
    storage = new TestStorage(TestPostgres.open(directory));
    storage.createTenant();
  }

  @AfterEach
  void stopStorage() {
    storage.close();
  }

  private FutureTask<Endpoint> takeOver() throws StorageException, InterruptedException {
    Standby standby = Standby.prepare(storage.endpoint("main"), PATIENCE_MILLIS);
    FutureTask<Endpoint> wait = new FutureTask<>(standby::awaitAndStart);
    Thread.ofPlatform().daemon().start(wait);
    return wait;
  }

  @Test
  void takesOverWhenTheEndpointEndsAndNotBefore() throws Exception {
    FutureTask<Endpoint> taken;
    long term;
    try (Endpoint first = Endpoint.start(storage.endpoint("main"))) {
      term = first.state().term();
      taken = takeOver();
      storage.stopSafekeeper(1);
      assertThatThrownBy(() -> taken.get(UNEVENTFUL_MILLIS, TimeUnit.MILLISECONDS))
          .isInstanceOf(TimeoutException.class);
    }
    try (Endpoint second = taken.get()) {
      assertThat(second.state().term()).isGreaterThan(term);
      FutureTask<Endpoint> again = takeOver();
      assertThatThrownBy(() -> again.get(UNEVENTFUL_MILLIS, TimeUnit.MILLISECONDS))
          .isInstanceOf(TimeoutException.class);
      second.stop();
      again.get().close();
    }
  }

  @Test
  void leavesTheEndpointOfARestoredBranchAlone() throws Exception {
    Standby standby = Standby.prepare(storage.endpoint("main"), PATIENCE_MILLIS);
    TimelineId restored = new TimelineId(7, 8);
    var _ =
        storage
            .client()
            .branches()
            .restore(
                standby.branch().id(),
                restored,
                new BranchPoint.AtLsn(standby.branch().lastRecordLsn()),
                Optional.empty());
    FutureTask<Endpoint> taken = new FutureTask<>(standby::awaitAndStart);
    try (Endpoint running = Endpoint.start(storage.endpoint("main"))) {
      Thread.ofPlatform().daemon().start(taken);
      // It finds nobody on the timeline that it knows, within some seconds.
      assertThatThrownBy(() -> taken.get(NOTICED_MILLIS, TimeUnit.MILLISECONDS))
          .isInstanceOf(TimeoutException.class);
      assertThat(running.outcome()).isEmpty();
    }
    try (Endpoint endpoint = taken.get()) {
      assertThat(endpoint.state().timeline()).isEqualTo(restored);
    }
  }

  @Test
  void deletesWhatAKilledOneHasLeft() throws Exception {
    Path endpoints =
        Files.createDirectories(storage.endpoint("main").dataDirectory().resolve("endpoints"));
    Files.createDirectories(endpoints.resolve("rehearsal-%d-1/base".formatted(PID_OF_NOBODY)));
    var _ = Standby.prepare(storage.endpoint("main"), PATIENCE_MILLIS);
    try (Stream<Path> left = Files.list(endpoints)) {
      assertThat(left).isEmpty();
    }
  }

  @Test
  void whatIsMissingIsSaidAtOnce() {
    assertThatThrownBy(() -> Standby.prepare(storage.endpoint("nowhere"), PATIENCE_MILLIS))
        .isInstanceOf(StorageException.NotFound.class);
    assertThatThrownBy(() ->
            Standby.prepare(
                storage.endpoint("main").withPostgres(Optional.of(directory), Optional.empty()),
                PATIENCE_MILLIS))
        .isInstanceOf(StorageException.Precondition.class);
  }
}
