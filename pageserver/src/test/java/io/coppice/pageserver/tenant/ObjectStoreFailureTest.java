package io.coppice.pageserver.tenant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.pageserver.timeline.Timeline;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The page server dies at each operation on the object store, and what was acknowledged is there.
 */
@Timeout(300)
class ObjectStoreFailureTest {
  private static final TimelineId CHILD = new TimelineId(3, 1);
  private static final TimelineId DOOMED = new TimelineId(3, 2);
  private static final Lsn WRITTEN = Store.START.plus(80);

  /** What the caller was told has happened. */
  private final List<String> acknowledged = new ArrayList<>();

  /** Flushes, however long a busy machine takes, but does not wait for a store that is gone. */
  private static void flush(Timeline timeline, FailingObjectStore objects)
      throws StorageException, InterruptedException {
    while (true) {
      try {
        timeline.flush(50);
        return;
      } catch (StorageException.Transient e) {
        if (objects.isGone()) {
          throw e;
        }
      }
    }
  }

  private void act(Store store, FailingObjectStore objects)
      throws StorageException, InterruptedException {
    Timeline root = store.importEmpty();
    acknowledged.add("import");
    for (int i = 1; i <= 10; i++) {
      Store.write(root, Store.block(i), Store.START.plus(8L * i), "block " + i);
    }
    store.branch("child", CHILD, root, Store.START.plus(40));
    acknowledged.add("branch");
    Timeline doomed = store.branch("doomed", DOOMED, root, Store.START.plus(48));
    Store.write(doomed, Store.block(1), Store.START.plus(56), "of doomed");
    flush(doomed, objects);
    acknowledged.add("second branch");
    flush(root, objects);
    acknowledged.add("flush");
    assertThat(root.diskConsistentLsn()).isEqualTo(WRITTEN);
    store.manager.deleteBranch(new TenantTimelineId(Store.TENANT, DOOMED));
    acknowledged.add("delete");
  }

  private void check(Store store) throws StorageException {
    if (!acknowledged.contains("import") && store.manager.tenants().isEmpty()) {
      return;
    }
    Timeline root = store.root();
    // As WAL does, which is read again from what is durable.
    Lsn durable = root.lastRecordLsn();
    assertThat(durable).isEqualTo(root.diskConsistentLsn()).isBetween(Store.START, WRITTEN);
    if (acknowledged.contains("flush")) {
      assertThat(durable).isEqualTo(WRITTEN);
    }
    for (int i = 1; i <= 10; i++) {
      Lsn lsn = Store.START.plus(8L * i);
      if (lsn.isAfter(durable)) {
        Store.write(root, Store.block(i), lsn, "block " + i);
      }
    }
    for (int i = 1; i <= 10; i++) {
      assertThat(Store.read(root, Store.block(i), WRITTEN)).hasValue("block " + i);
    }
    List<String> names = store.manager.branches(Store.TENANT).stream().map(Timeline::name).toList();
    if (acknowledged.contains("branch")) {
      assertThat(names).contains("child");
      Timeline child = store.manager.branch(Store.TENANT, "child");
      assertThat(Store.read(child, Store.block(5), child.lastRecordLsn())).hasValue("block 5");
      assertThat(Store.read(child, Store.block(6), child.lastRecordLsn())).isEmpty();
    }
    if (acknowledged.contains("delete")) {
      assertThat(names).doesNotContain("doomed");
    } else if (acknowledged.contains("second branch") && names.contains("doomed")) {
      Timeline doomed = store.manager.branch(Store.TENANT, "doomed");
      assertThat(Store.read(doomed, Store.block(1), doomed.lastRecordLsn())).hasValue("of doomed");
    } else if (acknowledged.contains("flush") && !names.contains("doomed")) {
      assertThatThrownBy(() -> store.manager.timeline(new TenantTimelineId(Store.TENANT, DOOMED)))
          .isInstanceOf(StorageException.NotFound.class);
    }
  }

  @Test
  void keepsWhatWasAcknowledgedWhereverItDies(@TempDir Path directory) throws Exception {
    long operations = countOperations(directory.resolve("count"));
    assertThat(operations).isBetween(10L, 60L);
    for (long n = 1; n <= operations; n++) {
      for (boolean isLastDone : List.of(false, true)) {
        acknowledged.clear();
        dieAt(n, isLastDone, directory.resolve(n + (isLastDone ? "-done" : "-not-done")));
      }
    }
  }

  private long countOperations(Path directory) throws Exception {
    FailingObjectStore objects = new FailingObjectStore(Store.objects(directory));
    try (Store store = new Store(directory, objects, Store.config(directory))) {
      act(store, objects);
      return objects.operations();
    }
  }

  private void dieAt(long operation, boolean isLastDone, Path directory) throws Exception {
    FailingObjectStore objects = new FailingObjectStore(Store.objects(directory));
    try (Store store = new Store(directory, objects, Store.config(directory))) {
      objects.failAfter(operation, isLastDone);
      try {
        act(store, objects);
      } catch (StorageException e) {
        // The caller has not been told more than it noted.
      }
      store.manager.abandon();
      objects.heal();
      // With the machine goes what was only here.
      store.deleteLayersDirectory();
      store.manager = TenantManager.open(store.config, objects, Store.CLOCK);
      check(store);
      retry(store);
    } catch (AssertionError e) {
      throw new AssertionError(
          "operation %d, %s, acknowledged: %s"
              .formatted(operation, isLastDone ? "done" : "not done", acknowledged),
          e);
    }
  }

  /** The same again, with the same ids, succeeds or says that it was done. */
  private static void retry(Store store) throws StorageException, InterruptedException {
    if (store.manager.tenants().isEmpty()) {
      store.importEmpty();
    }
    Timeline root = store.root();
    root.writer().finishRecord(root.lastRecordLsn(), Lsn.max(WRITTEN, root.lastRecordLsn()));
    store.branch("child", CHILD, root, Store.START.plus(40));
    assertThat(store.manager.branch(Store.TENANT, "child").id().timeline()).isEqualTo(CHILD);
    try {
      store.manager.deleteBranch(new TenantTimelineId(Store.TENANT, DOOMED));
    } catch (StorageException.NotFound e) {
      // It was deleted, or never made.
    }
    root.flush(5_000);
    assertThat(root.diskConsistentLsn()).isEqualTo(WRITTEN);
  }
}
