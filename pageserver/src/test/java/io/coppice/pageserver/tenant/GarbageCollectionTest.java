package io.coppice.pageserver.tenant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TimelineId;
import io.coppice.common.platform.Clock;
import io.coppice.pageserver.gc.Cutoff;
import io.coppice.pageserver.gc.GcSettings;
import io.coppice.pageserver.gc.Leases;
import io.coppice.pageserver.query.Commit;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.pageserver.timeline.TimelineKeys;
import io.coppice.postgres.record.PostgresTime;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A branch with a record each minute, for three hours. */
@Timeout(60)
final class GarbageCollectionTest {
  private static final GcSettings HOUR = new GcSettings(Duration.ofHours(1), 0);
  private static final GcSettings NOTHING = new GcSettings(Duration.ZERO, 0);
  private static final int RECORDS = 180;

  /** That a timeline finds together. */
  private static final int PAGES_AT_ONCE = 32;

  private static final class HandClock implements Clock {
    Duration passed = Duration.ZERO;
    Duration jumped = Duration.ZERO;

    @Override
    public Instant now() {
      return Instant.parse("2026-01-01T00:00:00Z").plus(passed).plus(jumped);
    }

    @Override
    public long monotonicNanos() {
      return passed.toNanos();
    }
  }

  @TempDir Path directory;
  private final HandClock clock = new HandClock();
  private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
  private TenantManager manager;
  private Timeline root;

  @BeforeEach
  void write() throws Exception {
    open();
    try (var running = manager.importRoot(Store.rootImport())) {
      byte[] value = Store.value("control");
      running.put(TimelineKeys.CONTROL_FILE, value, 0, value.length);
      root = running.finish();
    }
    for (int i = 1; i <= RECORDS; i++) {
      clock.passed = clock.passed.plusMinutes(1);
      byte[] commit = new byte[1 + Commit.SIZE_BYTES];
      long micros = PostgresTime.fromInstant(clock.now());
      new Commit(lsn(i), micros, micros).write(commit, 1);
      root.writer().put(TimelineKeys.COMMIT_INDEX, lsn(i), commit, 0, commit.length);
      Store.write(root, Store.block(1), lsn(i), "minute " + i);
    }
    root.flush(10_000);
  }

  private void open() throws StorageException {
    manager =
        TenantManager.open(
            Store.config(directory), Store.objects(directory), clock, registry, WalKeepers.NONE);
  }

  @AfterEach
  void close() {
    manager.close();
  }

  private static Lsn lsn(int minute) {
    return Store.START.plus(8L * minute);
  }

  private GarbageCollection.Report run(GcSettings settings, boolean dryRun)
      throws StorageException {
    List<GarbageCollection.Report> reports =
        manager.garbage().run(Store.TENANT, Optional.of(Store.ROOT), settings, dryRun);
    assertThat(reports).hasSize(1);
    return reports.getFirst();
  }

  @Test
  void keepsTheStateAtTheBeginningOfTheWindow() throws StorageException {
    assertThat(run(HOUR, false).cutoff())
        .isEqualTo(new Cutoff(lsn(RECORDS - 60), Cutoff.Reason.PITR));
    assertThat(root.readableFrom()).isEqualTo(lsn(120));
    assertThat(Store.read(root, Store.block(1), lsn(120))).hasValue("minute 120");
    assertThatThrownBy(() -> Store.read(root, Store.block(1), lsn(119)))
        .isInstanceOf(StorageException.Precondition.class)
        .hasMessageContaining(lsn(120).toString());
  }

  private double count(String name) {
    return registry.get("coppice_pageserver_gc_" + name).counter().count();
  }

  @Test
  void countsWhatItTakes() throws Exception {
    for (int i = 1; i <= 12; i++) {
      Store.write(root, Store.block(1), lsn(RECORDS + i), "later " + i);
      root.flush(10_000);
      root.upkeep();
    }
    assertThat(run(NOTHING, true).layers()).isPositive();
    assertThat(count("runs")).isZero();
    assertThat(count("removed_layers")).isZero();
    GarbageCollection.Report report = run(NOTHING, false);
    assertThat(report.layers()).isPositive();
    assertThat(count("runs")).isEqualTo(1);
    assertThat(count("removed_layers")).isEqualTo(report.layers());
    assertThat(count("removed_bytes")).isEqualTo((double) report.sizeBytes()).isPositive();
    assertThat(count("failures")).isZero();
    TimelineId unknown = new TimelineId(9, 9);
    assertThatThrownBy(
            () -> manager.garbage().run(Store.TENANT, Optional.of(unknown), NOTHING, false))
        .isInstanceOf(StorageException.NotFound.class);
    assertThat(count("failures")).isEqualTo(1);
  }

  @Test
  void tellsWithoutDoing() throws StorageException {
    assertThat(run(HOUR, true).cutoff().lsn()).isEqualTo(lsn(120));
    assertThat(root.readableFrom()).isEqualTo(Store.START);
    assertThat(Store.read(root, Store.block(1), lsn(1))).hasValue("minute 1");
  }

  @Test
  void isNotMisledByAClockThatJumps() throws StorageException {
    clock.jumped = Duration.ofDays(365);
    assertThat(run(HOUR, false).cutoff().lsn()).isEqualTo(lsn(120));
    clock.jumped = Duration.ofDays(-365);
    assertThat(run(HOUR, false).cutoff().lsn()).isEqualTo(lsn(120));
  }

  @Test
  void keepsWhatIsLeased() throws StorageException {
    Instant until = manager.garbage().lease(root.id(), lsn(30));
    assertThat(until).isEqualTo(clock.now().plus(Leases.DURATION));
    assertThat(run(NOTHING, false).cutoff()).isEqualTo(new Cutoff(lsn(30), Cutoff.Reason.LEASE));
    clock.passed = clock.passed.plus(Leases.DURATION);
    assertThat(run(NOTHING, false).cutoff().lsn()).isEqualTo(lsn(RECORDS));
    assertThatThrownBy(() -> manager.garbage().lease(root.id(), lsn(30)))
        .isInstanceOf(StorageException.Precondition.class)
        .hasMessageContaining(lsn(RECORDS).toString());
  }

  @Test
  void waitsAfterAStartForLeasesThatItDoesNotKnow() throws StorageException {
    manager.close();
    open();
    root = manager.branch(Store.TENANT, "main");
    assertThat(run(NOTHING, false).cutoff())
        .isEqualTo(new Cutoff(Store.START, Cutoff.Reason.START));
    clock.passed = clock.passed.plus(Leases.DURATION);
    assertThat(run(NOTHING, false).cutoff().lsn()).isEqualTo(lsn(RECORDS));
  }

  @Test
  void keepsTheCutOffAcrossAStart() throws StorageException {
    var _ = run(HOUR, false);
    manager.close();
    open();
    root = manager.branch(Store.TENANT, "main");
    assertThat(root.readableFrom()).isEqualTo(lsn(120));
    assertThat(run(HOUR, false).cutoff().lsn()).isEqualTo(lsn(120));
  }

  @Test
  void makesNoBranchBelowTheCutOff() throws Exception {
    var _ = run(HOUR, false);
    assertThatThrownBy(() -> branch("early", 1, lsn(119)))
        .isInstanceOf(StorageException.Precondition.class)
        .hasMessageContaining("from %s to %s".formatted(lsn(120), lsn(RECORDS)));
    Timeline child = branch("child", 2, lsn(130));
    assertThat(child.readableFrom()).isEqualTo(lsn(120));
    assertThat(Store.read(child, Store.block(1), lsn(120))).hasValue("minute 120");
  }

  private Timeline branch(String name, int id, Lsn at) throws Exception {
    return manager.createBranch(
        new BranchRequest(
            Store.TENANT, new TimelineId(5, id), name, Store.ROOT, Optional.of(at), 0));
  }

  private void restart() throws StorageException {
    manager.close();
    open();
    root = manager.branch(Store.TENANT, "main");
    clock.passed = clock.passed.plus(Leases.DURATION);
  }

  private int block(TimelineId id, Optional<String> reason) throws StorageException {
    return manager.holds().setGcBlock(Store.TENANT, Optional.of(id), reason);
  }

  @Test
  void takesNothingFromABranchThatIsBlocked() throws StorageException {
    assertThat(block(Store.ROOT, Optional.of("audit"))).isEqualTo(1);
    restart();
    Cutoff kept = new Cutoff(Store.START, Cutoff.Reason.BLOCKED);
    assertThat(run(NOTHING, true).cutoff()).isEqualTo(kept);
    assertThat(run(NOTHING, false).cutoff()).isEqualTo(kept);
    assertThat(Store.read(root, Store.block(1), lsn(1))).hasValue("minute 1");
    assertThat(root.durableIndex().hold().gcBlock()).hasValue("audit");
    assertThat(block(Store.ROOT, Optional.empty())).isEqualTo(1);
    assertThat(run(NOTHING, false).cutoff().lsn()).isEqualTo(lsn(RECORDS));
  }

  @Test
  void keepsWhatABlockedBranchNeedsOfItsAncestor() throws Exception {
    TimelineId id = branch("child", 1, lsn(50)).id().timeline();
    var _ = block(id, Optional.of("audit"));
    var _ = manager.garbage().run(Store.TENANT, Optional.empty(), NOTHING, false);
    Timeline child = manager.branch(Store.TENANT, "child");
    assertThat(root.readableFrom()).isEqualTo(lsn(RECORDS));
    assertThat(child.readableFrom()).isEqualTo(Store.START);
    assertThat(Store.read(child, Store.block(1), lsn(1))).hasValue("minute 1");
  }

  @Test
  void blocksAllBranchesOfATenant() throws Exception {
    var _ = branch("child", 1, lsn(50));
    assertThat(
            manager.holds().setGcBlock(Store.TENANT, Optional.empty(), Optional.of("everything")))
        .isEqualTo(2);
    assertThat(manager.garbage().run(Store.TENANT, Optional.empty(), NOTHING, false))
        .allMatch(report -> report.cutoff().reason() == Cutoff.Reason.BLOCKED);
    assertThatThrownBy(() -> block(Store.ROOT, Optional.of(" ")))
        .isInstanceOf(StorageException.Invalid.class);
  }

  @Test
  void keepsADurableLeaseAcrossAStart() throws StorageException {
    Instant until = clock.now().plus(Duration.ofHours(5));
    var _ = manager.holds().lease(root.id(), lsn(30), until);
    restart();
    assertThat(run(NOTHING, false).cutoff()).isEqualTo(new Cutoff(lsn(30), Cutoff.Reason.LEASE));
    clock.passed = clock.passed.plus(Duration.ofHours(5));
    assertThat(run(NOTHING, false).cutoff().lsn()).isEqualTo(lsn(RECORDS));
  }

  @Test
  void endsALeaseThatIsReleased() throws StorageException {
    var _ = manager.holds().lease(root.id(), lsn(30), clock.now().plus(Duration.ofHours(5)));
    var _ = manager.holds().release(root.id(), lsn(30));
    restart();
    assertThat(run(NOTHING, false).cutoff().lsn()).isEqualTo(lsn(RECORDS));
  }

  @Test
  void limitsLeases() throws StorageException {
    Instant until = clock.now().plus(Duration.ofHours(1));
    for (int i = 0; i < HistoryHolds.LEASES_MAX; i++) {
      var _ = manager.holds().lease(root.id(), lsn(i), until);
    }
    assertThatThrownBy(() -> manager.holds().lease(root.id(), lsn(150), until))
        .isInstanceOf(StorageException.Precondition.class)
        .hasMessageContaining("100 leases");
    var _ = manager.holds().lease(root.id(), lsn(1), until.plusSeconds(1));
    Instant tooLate = clock.now().plus(HistoryHolds.LEASE_MAX).plusSeconds(1);
    assertThatThrownBy(() -> manager.holds().lease(root.id(), lsn(1), tooLate))
        .isInstanceOf(StorageException.Invalid.class);
    assertThatThrownBy(() -> manager.holds().lease(root.id(), lsn(1), clock.now()))
        .isInstanceOf(StorageException.Invalid.class);
  }

  @Test
  void savesNoIndexOfABranchWhenItTakesNothing() throws Exception {
    var _ = branch("child", 1, lsn(50));
    restart();
    GcSettings all = new GcSettings(Duration.ofDays(7), 0);
    var _ = manager.garbage().run(Store.TENANT, Optional.empty(), all, false);
    try (Stream<Path> files = Files.walk(directory.resolve("objects/tenants"))) {
      assertThat(files.map(file -> file.getFileName().toString()))
          .as("indexes that the second start has saved")
          .contains("index.json-00000001")
          .doesNotContain("index.json-00000002");
    }
  }

  @Test
  void refusesReadsThatItOvertakes() {
    List<Lsn> read = new ArrayList<>();
    assertThatThrownBy(() ->
            root.getPages(
                Collections.nCopies(PAGES_AT_ONCE + 1, Store.block(1)),
                lsn(50),
                (_, _, _) -> {
                  if (read.isEmpty()) {
                    var _ = run(NOTHING, false);
                  }
                  read.add(lsn(50));
                }))
        .isInstanceOf(StorageException.Precondition.class);
    // All of a batch was found before it was asked whether that may still be read.
    assertThat(read).hasSize(PAGES_AT_ONCE);
  }
}
