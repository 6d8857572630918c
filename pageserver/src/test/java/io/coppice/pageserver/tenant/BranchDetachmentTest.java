package io.coppice.pageserver.tenant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.key.Key;
import io.coppice.pageserver.timeline.Pace;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.pageserver.timeline.TimelineKeys;
import io.coppice.postgres.redo.StoredValues;
import io.coppice.postgres.redo.ValueKind;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * "main", its branch "child" made when two values were written, and "grandchild", made off that
 * with one more. "child" has the history of "main" before it, too.
 */
@Timeout(60)
final class BranchDetachmentTest {
  private static final TimelineId CHILD = new TimelineId(3, 1);
  private static final TimelineId GRANDCHILD = new TimelineId(3, 2);
  private static final long FLUSH_MILLIS = 10_000;
  private static final Pace AT_ONCE = () -> {};
  private static final Lsn BEFORE = Store.START.plus(8);
  private static final Lsn CHILD_START = Store.START.plus(16);
  private static final Lsn GRANDCHILD_START = Store.START.plus(24);
  private static final Key ITEM = TimelineKeys.replicationOrigin(1);

  @TempDir Path directory;
  private FailingObjectStore objects;
  private Store store;

  @BeforeEach
  void setUp() throws Exception {
    objects = new FailingObjectStore(Store.objects(directory));
    store = new Store(directory, objects, Store.config(directory));
    Timeline main = store.importEmpty();
    Store.write(main, Store.block(0), BEFORE, "first");
    Store.put(main, ITEM, CHILD_START, "item");
    Store.write(main, Store.block(0), CHILD_START, "second");
    Timeline child = store.branch("child", CHILD, main, CHILD_START);
    Store.write(main, Store.block(0), GRANDCHILD_START, "not for branches");
    Store.write(child, Store.block(1), GRANDCHILD_START, "of the child");
    var _ = store.branch("grandchild", GRANDCHILD, child, GRANDCHILD_START);
  }

  @AfterEach
  void tearDown() {
    objects.heal();
    store.close();
  }

  private static TenantTimelineId id(TimelineId timeline) {
    return new TenantTimelineId(Store.TENANT, timeline);
  }

  private Timeline timeline(TimelineId id) throws StorageException {
    return store.manager.timeline(id(id));
  }

  private void detach(TimelineId id) throws StorageException, InterruptedException {
    detach(id, AT_ONCE);
  }

  private void detach(TimelineId id, Pace pace) throws StorageException, InterruptedException {
    var _ = store.manager.detachment().detach(id(id), FLUSH_MILLIS, pace);
  }

  /** Everything that a branch has at an LSN. */
  private Map<Key, String> contents(TimelineId id, Lsn lsn) throws StorageException {
    Map<Key, String> found = new TreeMap<>();
    Timeline timeline = timeline(id);
    for (Key key : List.of(TimelineKeys.CONTROL_FILE, Store.block(0), Store.block(1))) {
      Store.read(timeline, key, lsn).ifPresent(value -> found.put(key, value));
    }
    TimelineKeys.Range items = TimelineKeys.replicationOrigins();
    timeline.scan(
        items.from(),
        items.toExclusive(),
        lsn,
        (key, value) -> {
          found.put(key, new String(value, StandardCharsets.UTF_8));
          return true;
        });
    return found;
  }

  private void assertUnchanged() throws StorageException {
    Map<Key, String> expected = new TreeMap<>();
    expected.put(TimelineKeys.CONTROL_FILE, "control");
    expected.put(Store.block(0), "second");
    expected.put(ITEM, "item");
    assertThat(contents(CHILD, CHILD_START)).isEqualTo(expected);
    expected.put(Store.block(1), "of the child");
    assertThat(contents(CHILD, GRANDCHILD_START)).isEqualTo(expected);
    assertThat(contents(GRANDCHILD, GRANDCHILD_START)).isEqualTo(expected);
  }

  @Test
  void readsTheSameWithoutItsParent() throws Exception {
    assertUnchanged();
    detach(CHILD);
    assertThat(timeline(CHILD).ancestor()).isEmpty();
    assertUnchanged();
    detach(CHILD);
    timeline(CHILD).flush(FLUSH_MILLIS);
    store.crash();
    store.deleteLayersDirectory();
    assertThat(timeline(CHILD).ancestor()).isEmpty();
    assertThat(timeline(GRANDCHILD).ancestor()).isPresent();
    assertUnchanged();
  }

  @Test
  void hasNoHistoryBeforeItsBeginning() throws Exception {
    assertThat(contents(GRANDCHILD, BEFORE)).containsEntry(Store.block(0), "first");
    detach(CHILD);
    for (TimelineId id : List.of(CHILD, GRANDCHILD)) {
      assertRefused(() -> contents(id, BEFORE), "cannot be read");
      assertRefused(() -> store.manager.garbage().lease(id(id), BEFORE), "cannot be read");
    }
    timeline(CHILD).flush(FLUSH_MILLIS);
    store.crash();
    assertRefused(() -> contents(GRANDCHILD, BEFORE), "cannot be read");
    assertThat(contents(Store.ROOT, BEFORE)).containsEntry(Store.block(0), "first");
  }

  @Test
  void letsItsParentBeDeleted() throws Exception {
    assertRefused(() -> store.manager.deleteBranch(id(CHILD)), "grandchild");
    detach(GRANDCHILD);
    Map<Key, String> before = contents(GRANDCHILD, GRANDCHILD_START);
    store.manager.deleteBranch(id(CHILD));
    assertThat(contents(GRANDCHILD, GRANDCHILD_START)).isEqualTo(before).hasSize(4);
    store.restart();
    assertThat(contents(GRANDCHILD, GRANDCHILD_START)).isEqualTo(before);
    Store.write(timeline(GRANDCHILD), Store.block(2), GRANDCHILD_START.plus(8), "new");
    store.manager.deleteBranch(id(GRANDCHILD));
  }

  private static void assertRefused(ThrowingCallable call, String words) {
    assertThatThrownBy(call)
        .isInstanceOf(StorageException.Precondition.class)
        .hasMessageContaining(words);
  }

  @Test
  void keepsItsParentWhileSomebodyHoldsWhatWouldGo() throws Exception {
    HistoryHolds holds = store.manager.holds();
    Instant until = Store.CLOCK.now().plus(Duration.ofDays(1));
    var _ = holds.lease(id(GRANDCHILD), CHILD_START, until);
    var _ = holds.lease(id(GRANDCHILD), BEFORE, until);
    // The lease in memory, which comes first and ends by itself, goes with the page server.
    store.restart();
    assertRefused(() -> detach(CHILD), "LSN " + BEFORE + " is leased");
    var _ = store.manager.holds().release(id(GRANDCHILD), BEFORE);
    assertThat(
            store
                .manager
                .holds()
                .setGcBlock(Store.TENANT, Optional.of(GRANDCHILD), Optional.of("audit")))
        .isOne();
    assertRefused(() -> detach(CHILD), "gc grandchild --unblock");
    assertThat(
            store
                .manager
                .holds()
                .setGcBlock(Store.TENANT, Optional.of(GRANDCHILD), Optional.empty()))
        .isOne();
    var _ = store.manager.changes().setProtected(id(CHILD), true);
    assertRefused(() -> detach(CHILD), "unprotect child");
    var _ = store.manager.changes().setProtected(id(CHILD), false);
    assertThat(timeline(CHILD).ancestor()).isPresent();
    detach(CHILD);
    assertThat(timeline(CHILD).ancestor()).isEmpty();
  }

  @Test
  void isUsedWhileItIsDetached() throws Exception {
    Lsn next = GRANDCHILD_START.plus(8);
    detach(
        CHILD,
        once(() -> {
          Store.write(timeline(CHILD), Store.block(2), next, "meanwhile");
          var _ = store.branch("more", new TimelineId(3, 3), timeline(CHILD), next);
          assertThatThrownBy(() -> detach(CHILD))
              .isInstanceOf(StorageException.Transient.class)
              .hasMessageContaining("is being detached");
        }));
    assertUnchanged();
    assertThat(contents(new TimelineId(3, 3), next)).hasSize(4);
    assertThat(Store.read(timeline(CHILD), Store.block(2), next)).hasValue("meanwhile");
    assertRefused(() -> contents(new TimelineId(3, 3), BEFORE), "cannot be read");
  }

  @Test
  void isDeletedWhileItIsDetached() throws Exception {
    assertThatThrownBy(
            () -> detach(GRANDCHILD, once(() -> store.manager.deleteBranch(id(GRANDCHILD)))))
        .isInstanceOf(StorageException.Transient.class);
    assertThatThrownBy(() -> timeline(GRANDCHILD)).isInstanceOf(StorageException.NotFound.class);
    store.manager.deleteBranch(id(CHILD));
  }

  @Test
  void isArchivedWhileItIsDetached() throws Exception {
    assertRefused(
        () ->
            detach(
                GRANDCHILD,
                once(() -> {
                  var _ = store.manager.archive().archive(id(GRANDCHILD), FLUSH_MILLIS);
                })),
        "unarchive grandchild");
    assertThat(timeline(GRANDCHILD).ancestor()).isPresent();
    store.restart();
    var _ = store.manager.archive().unarchive(id(GRANDCHILD));
    assertUnchanged();
  }

  private interface Action {
    void run() throws StorageException, InterruptedException;
  }

  private static Pace once(Action action) {
    List<String> done = new ArrayList<>();
    return () -> {
      if (done.isEmpty()) {
        done.add("once");
        try {
          action.run();
        } catch (StorageException e) {
          throw new AssertionError(e);
        }
      }
    };
  }

  @Test
  void keepsAParentThatHasAPageWhichCannotBeMade() throws Exception {
    Timeline child = timeline(CHILD);
    byte[] record = {(byte) ValueKind.XACT_STATUS.code(), StoredValues.XACT_COMMITTED, 1, 0, 0, 0};
    Lsn lsn = GRANDCHILD_START.plus(8);
    child.writer().put(TimelineKeys.slruBlock(0, 0, 0), lsn, record, 0, record.length);
    child.writer().finishRecord(child.lastRecordLsn(), lsn);
    TimelineId id = new TimelineId(3, 3);
    var _ = store.branch("damaged", id, child, lsn);
    assertThatThrownBy(() -> detach(id)).isInstanceOf(StorageException.Corrupt.class);
    assertThat(timeline(id).ancestor()).isPresent();
    assertThat(contents(id, lsn)).hasSize(4);
  }

  @Test
  void hasItsParentOrNotWhereverTheObjectStoreFails() throws Exception {
    Map<Key, String> expected = contents(GRANDCHILD, GRANDCHILD_START);
    timeline(Store.ROOT).flush(FLUSH_MILLIS);
    timeline(CHILD).flush(FLUSH_MILLIS);
    int number = 10;
    int done = 0;
    for (boolean isLastDone : new boolean[] {false, true}) {
      for (boolean isSwept : new boolean[] {false, true}) {
        boolean wasReached = true;
        for (int operations = 1; wasReached; operations++) {
          TimelineId id = new TimelineId(3, ++number);
          var _ = store.branch("try-" + number, id, timeline(CHILD), GRANDCHILD_START);
          objects.failAfter(operations, isLastDone);
          boolean isTold = isDetached(id);
          wasReached = objects.isGone();
          objects.heal();
          assertThat(contents(id, GRANDCHILD_START)).isEqualTo(expected);
          if (isSwept) {
            store.manager.sweep();
            assertThat(contents(id, GRANDCHILD_START)).isEqualTo(expected);
          }
          store.crash();
          assertThat(contents(id, GRANDCHILD_START)).isEqualTo(expected);
          boolean isDone = timeline(id).ancestor().isEmpty();
          assertThat(isDone || !isTold).isTrue();
          done += isDone && !isTold ? 1 : 0;
          detach(id);
          store.manager.deleteBranch(id(id));
        }
      }
    }
    assertThat(done).as("calls that were done without an answer").isGreaterThan(2);
  }

  private boolean isDetached(TimelineId id) throws StorageException, InterruptedException {
    try {
      detach(id);
      return true;
    } catch (StorageException.Transient e) {
      return false;
    }
  }
}
