package io.coppice.pageserver.tenant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.platform.Clock;
import io.coppice.pageserver.remote.BranchTerm;
import io.coppice.pageserver.timeline.Timeline;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Names, ends, and what is behind a name; with a page server that dies in between. */
@Timeout(120)
final class BranchChangesTest {
  private static final TimelineId CHILD = new TimelineId(3, 1);
  private static final TimelineId NEW = new TimelineId(4, 1);
  private static final Lsn EARLY = Store.START.plus(8);
  private static final Lsn LATE = Store.START.plus(16);
  private static final Instant NOON = Instant.parse("2026-11-21T12:00:00Z");
  private static final Duration GRACE = Duration.ofHours(24);

  @TempDir Path directory;
  private final ManualClock clock = new ManualClock();
  private FailingObjectStore objects;
  private TenantManager manager;
  private Path path;

  private static final class ManualClock implements Clock {
    private Instant now = NOON;

    @Override
    public Instant now() {
      return now;
    }

    @Override
    public long monotonicNanos() {
      return TimeUnit.MILLISECONDS.toNanos(now.toEpochMilli());
    }

    void advance(Duration by) {
      now = now.plus(by);
    }
  }

  @BeforeEach
  void setUp() throws Exception {
    open(directory);
  }

  /** A root "main" with two values of block 1, and its branch "child" made before them. */
  private void open(Path newPath) throws Exception {
    path = newPath;
    objects = new FailingObjectStore(Store.objects(path));
    manager = TenantManager.open(config(path), objects, clock);
    try (var running = manager.importRoot(Store.rootImport())) {
      byte[] value = Store.value("control");
      running.put(Store.block(0), value, 0, value.length);
      var _ = running.finish();
    }
    Timeline main = branch("main");
    var _ = create(CHILD, "child", main, Store.START);
    Store.write(main, Store.block(1), EARLY, "early");
    Store.write(main, Store.block(1), LATE, "late");
    main.flush(10_000);
  }

  private static TenantManagerConfig config(Path dataPath) {
    return Store.config(dataPath).with().expiryGraceMillis(GRACE.toMillis()).build();
  }

  @AfterEach
  void tearDown() {
    manager.abandon();
  }

  private void restart() throws StorageException {
    manager.abandon();
    objects.heal();
    objects.failAfter(Long.MAX_VALUE, false);
    manager = TenantManager.open(config(path), objects, clock);
  }

  private Timeline branch(String name) throws StorageException {
    return manager.branch(Store.TENANT, name);
  }

  private static TenantTimelineId id(TimelineId timeline) {
    return new TenantTimelineId(Store.TENANT, timeline);
  }

  private Timeline create(TimelineId id, String name, Timeline parent, Lsn lsn)
      throws StorageException, InterruptedException {
    return manager.createBranch(
        new BranchRequest(Store.TENANT, id, name, parent.id().timeline(), Optional.of(lsn), 1_000));
  }

  private List<String> names() throws StorageException {
    return manager.branches(Store.TENANT).stream().map(Timeline::name).toList();
  }

  private static Optional<String> newest(Timeline timeline) throws StorageException {
    return Store.read(timeline, Store.block(1), timeline.lastRecordLsn());
  }

  private ReplacementRequest restore(Lsn lsn) {
    return new ReplacementRequest(
        id(Store.ROOT), NEW, Store.ROOT, Optional.of(lsn), Optional.of("old"), 1_000);
  }

  @Test
  void renamesABranch() throws Exception {
    var _ = manager.changes().rename(id(CHILD), "kid");
    var _ = manager.changes().rename(id(CHILD), "kid");
    assertThat(branch("kid").id()).isEqualTo(id(CHILD));
    assertThat(names()).containsExactly("kid", "main");
    assertThatThrownBy(() -> branch("child")).isInstanceOf(StorageException.NotFound.class);
    assertThatThrownBy(() -> manager.changes().rename(id(CHILD), "main"))
        .isInstanceOf(StorageException.Conflict.class);
    restart();
    assertThat(names()).containsExactly("kid", "main");
    var _ = create(NEW, "child", branch("main"), EARLY);
    assertThat(names()).containsExactly("child", "kid", "main");
  }

  @Test
  void keepsANameThatAFailedRenameMayHaveUntilItIsKnown() throws Exception {
    objects.failAfter(1, true);
    assertThatThrownBy(() -> manager.changes().rename(id(CHILD), "kid"))
        .isInstanceOf(StorageException.Transient.class);
    objects.heal();
    assertThat(names()).containsExactly("child", "main");
    assertThatThrownBy(() -> create(NEW, "kid", branch("main"), EARLY))
        .isInstanceOf(StorageException.Conflict.class);
    manager.sweep();
    var _ = create(NEW, "kid", branch("main"), EARLY);
    restart();
    assertThat(names()).containsExactly("child", "kid", "main");
    assertThat(branch("kid").id()).isEqualTo(id(NEW));
  }

  @Test
  void restoresABranchAndKeepsWhatItWas() throws Exception {
    Timeline restored = manager.changes().replace(restore(EARLY));
    assertThat(manager.changes().replace(restore(EARLY))).isSameAs(restored);
    for (int i = 0; i < 2; i++) {
      assertThat(names()).containsExactly("child", "main", "old");
      assertThat(branch("main").id()).isEqualTo(id(NEW));
      assertThat(newest(branch("main"))).contains("early");
      assertThat(branch("old").id()).isEqualTo(id(Store.ROOT));
      assertThat(newest(branch("old"))).contains("late");
      assertThat(branch("child").ancestor().orElseThrow().timeline()).isEqualTo(Store.ROOT);
      restart();
    }
    Store.write(branch("main"), Store.block(1), LATE, "other");
    assertThat(newest(branch("main"))).contains("other");
    assertThat(newest(branch("old"))).contains("late");
    assertThatThrownBy(() -> manager.changes().replace(restore(LATE)))
        .isInstanceOf(StorageException.Conflict.class);
  }

  @Test
  void resetsABranchToItsParent() throws Exception {
    Store.write(branch("child"), Store.block(1), EARLY, "of child");
    Timeline reset =
        manager
            .changes()
            .replace(
                new ReplacementRequest(
                    id(CHILD), NEW, Store.ROOT, Optional.empty(), Optional.empty(), 1_000));
    assertThat(reset.name()).isEqualTo("child");
    assertThat(newest(branch("child"))).contains("late");
    assertThat(names()).containsExactly("child", "child-20261121T120000Z", "main");
    // Nothing depends on what it was.
    manager.deleteBranch(id(CHILD));
    assertThat(names()).containsExactly("child", "main");
  }

  @Test
  void isEitherReplacedOrNotWhereverTheStoreFails() throws Exception {
    for (boolean isLastDone : new boolean[] {false, true}) {
      for (boolean isHealed : new boolean[] {false, true}) {
        for (int count = 1; count <= 3; count++) {
          manager.abandon();
          open(Files.createTempDirectory(directory, "run"));
          objects.failAfter(count, isLastDone);
          boolean answered = isDone();
          if (isHealed) {
            objects.heal();
            manager.sweep();
            checkReplaced(answered);
          }
          boolean before = isHealed && names().contains("old");
          restart();
          boolean after = checkReplaced(answered);
          assertThat(!isHealed || before == after)
              .as("%d operations, last done: %s", count, isLastDone)
              .isTrue();
        }
      }
    }
  }

  private boolean isDone() throws InterruptedException {
    try {
      var _ = manager.changes().replace(restore(EARLY));
      return true;
    } catch (StorageException e) {
      assertThat(e).isInstanceOf(StorageException.Transient.class);
      return false;
    }
  }

  private boolean checkReplaced(boolean answered) throws StorageException {
    boolean isReplaced = names().contains("old");
    assertThat(isReplaced || !answered).isTrue();
    branch("main").checkUsable();
    assertThat(names())
        .containsExactlyElementsOf(
            isReplaced ? List.of("child", "main", "old") : List.of("child", "main"));
    assertThat(newest(branch("main"))).contains(isReplaced ? "early" : "late");
    assertThat(newest(branch(isReplaced ? "old" : "main"))).contains("late");
    return isReplaced;
  }

  @Test
  void holdsABranchWhileNobodyKnowsWhetherItIsReplaced() throws Exception {
    objects.failAfter(1, true);
    assertThat(isDone()).isFalse();
    assertThatThrownBy(() -> branch("main").checkUsable())
        .isInstanceOf(StorageException.Transient.class);
    assertThatThrownBy(() -> manager.changes().rename(id(Store.ROOT), "x"))
        .isInstanceOf(StorageException.Transient.class);
    objects.heal();
    manager.sweep();
    branch("main").checkUsable();
    var _ = manager.changes().rename(id(Store.ROOT), "x");
    restart();
    assertThat(names()).containsExactly("child", "x");
  }

  @Test
  void protectsABranch() throws Exception {
    var _ = manager.changes().setProtected(id(CHILD), true);
    restart();
    assertThatThrownBy(() -> manager.deleteBranch(id(CHILD)))
        .isInstanceOf(StorageException.Precondition.class)
        .hasMessageContaining("protected");
    assertThatThrownBy(
            () -> manager.changes().setExpiry(id(CHILD), Optional.of(NOON.plusSeconds(60))))
        .isInstanceOf(StorageException.Precondition.class);
    assertThatThrownBy(() ->
            manager
                .changes()
                .replace(
                    new ReplacementRequest(
                        id(CHILD), NEW, Store.ROOT, Optional.empty(), Optional.empty(), 1_000)))
        .isInstanceOf(StorageException.Precondition.class);
    assertThat(newest(branch("child"))).isEmpty();
    var _ = manager.changes().setProtected(id(CHILD), false);
    manager.deleteBranch(id(CHILD));
    assertThat(names()).containsExactly("main");
  }

  private void expireIn(Duration time) throws StorageException {
    var _ = manager.changes().setExpiry(id(CHILD), Optional.of(clock.now().plus(time)));
  }

  @Test
  void endsABranchInTwoSteps() throws Exception {
    expireIn(Duration.ofHours(2));
    clock.advance(Duration.ofHours(2).minusMillis(1));
    manager.sweep();
    branch("child").checkUsable();
    clock.advance(Duration.ofMillis(1));
    manager.sweep();
    assertThatThrownBy(() -> branch("child").checkUsable())
        .isInstanceOf(StorageException.Precondition.class)
        .hasMessageContaining("branch recover child");
    assertThatThrownBy(() -> create(NEW, "grandchild", branch("child"), Store.START))
        .isInstanceOf(StorageException.Precondition.class);
    restart();
    clock.advance(GRACE.minusMillis(1));
    manager.sweep();
    assertThat(names()).containsExactly("child", "main");
    clock.advance(Duration.ofMillis(1));
    manager.sweep();
    assertThat(names()).containsExactly("main");
    restart();
    assertThat(names()).containsExactly("main");
  }

  @Test
  void givesTheWholeGracePeriodAfterItWasAway() throws Exception {
    expireIn(Duration.ofHours(2));
    clock.advance(Duration.ofDays(30));
    restart();
    manager.sweep();
    manager.sweep();
    assertThat(branch("child").term().isExpired()).isTrue();
    var _ = manager.changes().recover(id(CHILD));
    var _ = manager.changes().recover(id(CHILD));
    branch("child").checkUsable();
    clock.advance(Duration.ofDays(30));
    manager.sweep();
    restart();
    assertThat(branch("child").term()).isEqualTo(BranchTerm.OPEN);
  }

  @Test
  void doesNotDeleteAnExpiredBranchThatOthersNeed() throws Exception {
    expireIn(Duration.ofHours(2));
    var _ = create(NEW, "grandchild", branch("child"), Store.START);
    clock.advance(Duration.ofHours(2));
    manager.sweep();
    clock.advance(GRACE);
    manager.sweep();
    assertThat(names()).containsExactly("child", "grandchild", "main");
    assertThat(Store.read(branch("grandchild"), Store.block(0), Store.START)).contains("control");
    manager.deleteBranch(id(NEW));
    manager.sweep();
    assertThat(names()).containsExactly("main");
  }

  @Test
  void finishesADeletionThatFailed() throws Exception {
    expireIn(Duration.ofHours(2));
    clock.advance(Duration.ofHours(2));
    manager.sweep();
    clock.advance(GRACE);
    objects.failAfter(2, false);
    manager.sweep();
    objects.heal();
    assertThat(names()).containsExactly("main");
    assertThatThrownBy(() -> create(CHILD, "child", branch("main"), Store.START))
        .isInstanceOf(StorageException.Conflict.class);
    manager.sweep();
    var _ = create(CHILD, "child", branch("main"), Store.START);
    manager.sweep();
    restart();
    assertThat(names()).containsExactly("child", "main");
  }

  @Test
  void saysWhyABranchStaysWhoseBranchIsNotWhollyDeleted() throws Exception {
    var _ = create(NEW, "grandchild", branch("child"), Store.START);
    objects.failAfter(2, false);
    assertThatThrownBy(() -> manager.deleteBranch(id(NEW)))
        .isInstanceOf(StorageException.Transient.class);
    objects.heal();
    assertThatThrownBy(() -> manager.deleteBranch(id(CHILD)))
        .isInstanceOf(StorageException.Precondition.class)
        .hasMessageContaining("\"child\" has branches that are being made or deleted");
    manager.sweep();
    manager.deleteBranch(id(CHILD));
    assertThat(names()).containsExactly("main");
  }

  @Test
  void refusesAnEndThatIsNone() {
    assertThatThrownBy(() -> expireIn(Duration.ZERO)).isInstanceOf(StorageException.Invalid.class);
    assertThatThrownBy(
            () -> manager.changes().setExpiry(id(Store.ROOT), Optional.of(NOON.plusSeconds(1))))
        .isInstanceOf(StorageException.Precondition.class);
  }
}
