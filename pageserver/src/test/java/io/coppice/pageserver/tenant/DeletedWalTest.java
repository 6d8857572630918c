package io.coppice.pageserver.tenant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.platform.Clock;
import io.coppice.pageserver.timeline.Timeline;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Whoever keeps WAL is told of branches that are deleted for good, and of no others. */
@Timeout(60)
final class DeletedWalTest {
  private static final TimelineId CHILD = new TimelineId(3, 1);

  @TempDir Path directory;
  private final List<Set<TenantTimelineId>> asked = new ArrayList<>();
  private final Set<TenantTimelineId> gone = new HashSet<>();
  private Duration ahead = Duration.ZERO;
  private FailingObjectStore objects;
  private TenantManager manager;

  private final Clock clock =
      new Clock() {
        @Override
        public Instant now() {
          return Store.CLOCK.now().plus(ahead);
        }

        @Override
        public long monotonicNanos() {
          return Store.CLOCK.monotonicNanos();
        }
      };

  @BeforeEach
  void setUp() throws Exception {
    objects = new FailingObjectStore(Store.objects(directory));
    manager = open();
    try (var running = manager.importRoot(Store.rootImport())) {
      byte[] value = Store.value("control");
      running.put(Store.block(0), value, 0, value.length);
      var _ = running.finish();
    }
    var _ = create();
  }

  private TenantManager open() throws StorageException {
    return TenantManager.open(
        Store.config(directory), objects, clock, new SimpleMeterRegistry(), this::delete);
  }

  private Set<TenantTimelineId> delete(Set<TenantTimelineId> branches) {
    asked.add(Set.copyOf(branches));
    Set<TenantTimelineId> done = new HashSet<>(branches);
    done.retainAll(gone);
    return done;
  }

  @AfterEach
  void tearDown() {
    manager.abandon();
  }

  private Timeline create() throws StorageException, InterruptedException {
    return manager.createBranch(
        new BranchRequest(
            Store.TENANT, CHILD, "child", Store.ROOT, Optional.of(Store.START), 1_000));
  }

  private static TenantTimelineId child() {
    return new TenantTimelineId(Store.TENANT, CHILD);
  }

  private List<String> indexes() throws StorageException {
    return objects.list("tenants/" + Store.TENANT + "/timelines/" + CHILD).stream()
        .map(object -> object.name().replaceAll(".*/", ""))
        .toList();
  }

  @Test
  void isAskedForUntilItIsGoneAlsoAfterARestart() throws Exception {
    manager.deleteBranch(child());
    assertThat(asked).as("who deletes a branch does not wait for it").isEmpty();
    manager.sweep();
    assertThat(asked).containsExactly(Set.of(child()));
    assertThat(manager.branches(Store.TENANT)).hasSize(1);
    assertThat(manager.deletedBranchesWithWal()).isEqualTo(1);
    assertThat(indexes()).containsExactly("index.json-00000001");
    assertThatThrownBy(this::create)
        .isInstanceOf(StorageException.Conflict.class)
        .hasMessageContaining("its WAL is");

    manager.abandon();
    manager = open();
    assertThat(manager.branches(Store.TENANT)).hasSize(1);
    manager.sweep();
    assertThat(asked).hasSize(2).last().isEqualTo(Set.of(child()));
    assertThat(indexes()).containsExactly("index.json-00000002");

    gone.add(child());
    manager.sweep();
    assertThat(indexes()).isEmpty();
    assertThat(manager.deletedBranchesWithWal()).isZero();
    manager.sweep();
    assertThat(asked).as("nothing more to ask").hasSize(3);
  }

  @Test
  void isNotAskedForWhileABranchCanBeRecovered() throws Exception {
    var _ =
        manager.changes().setExpiry(child(), Optional.of(clock.now().plus(Duration.ofHours(1))));
    ahead = Duration.ofHours(2);
    manager.sweep();
    assertThat(manager.timeline(child()).term().isExpired()).isTrue();
    manager.sweep();
    assertThat(asked).isEmpty();
    ahead = Duration.ofHours(4);
    manager.sweep();
    assertThat(asked).containsExactly(Set.of(child()));
  }

  /** Then the same call, done again, is to make it. */
  @Test
  void isNotAskedForWhenABranchWasNeverMade() throws Exception {
    manager.deleteBranch(child());
    gone.add(child());
    manager.sweep();
    asked.clear();
    objects.failAfter(1, true);
    assertThatThrownBy(this::create).isInstanceOf(StorageException.Transient.class);
    objects.heal();
    manager.sweep();
    assertThat(asked).isEmpty();
    assertThat(create().name()).isEqualTo("child");
  }

  @Test
  void isNotAskedForBeforeTheBranchIsMarked() throws Exception {
    objects.failAfter(1, false);
    assertThatThrownBy(() -> manager.deleteBranch(child()))
        .isInstanceOf(StorageException.Transient.class);
    manager.sweep();
    assertThat(asked).isEmpty();
    manager.abandon();
    objects.heal();
    manager = open();
    manager.sweep();
    assertThat(asked).isEmpty();
    manager.timeline(child()).checkUsable();
  }

  @Test
  void isLeftToALaterStart() throws Exception {
    manager.deleteBranch(child());
    try (TenantManager later =
        TenantManager.open(
            Store.config(directory.resolve("later")),
            objects,
            clock,
            new SimpleMeterRegistry(),
            branches -> Set.of())) {
      manager.sweep();
      assertThat(asked).isEmpty();
      assertThat(later.deletedBranchesWithWal()).isEqualTo(1);
    }
  }
}
