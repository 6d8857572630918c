package io.coppice.pageserver.tenant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.pageserver.gc.Cutoff;
import io.coppice.pageserver.gc.GcSettings;
import io.coppice.pageserver.timeline.Timeline;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** "main", its branch "child" with a value of its own, and "grandchild", made off that. */
@Timeout(60)
final class BranchArchiveTest {
  private static final TimelineId CHILD = new TimelineId(3, 1);
  private static final TimelineId GRANDCHILD = new TimelineId(3, 2);
  private static final long FLUSH_MILLIS = 10_000;

  @TempDir Path directory;
  private FailingObjectStore objects;
  private Store store;

  @BeforeEach
  void setUp() throws Exception {
    objects = new FailingObjectStore(Store.objects(directory));
    store = new Store(directory, objects, Store.config(directory));
    Timeline main = store.importEmpty();
    Timeline child = store.branch("child", CHILD, main, Store.START);
    Store.write(child, Store.block(1), Store.START.plus(8), "of the child");
    var _ = store.branch("grandchild", GRANDCHILD, child, Store.START.plus(8));
  }

  @AfterEach
  void tearDown() {
    objects.heal();
    store.close();
  }

  private static TenantTimelineId id(TimelineId timeline) {
    return new TenantTimelineId(Store.TENANT, timeline);
  }

  private void archive(TimelineId id) throws StorageException, InterruptedException {
    var _ = store.manager.archive().archive(id(id), FLUSH_MILLIS);
  }

  private void unarchive(TimelineId id) throws StorageException {
    var _ = store.manager.archive().unarchive(id(id));
  }

  private boolean isArchived(TimelineId id) throws StorageException {
    return store.manager.timeline(id(id)).term().isArchived();
  }

  private List<Path> files(TimelineId id) throws IOException {
    Path layers = store.layersDirectory().resolve(Store.TENANT + "/" + id);
    if (!Files.exists(layers)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(layers)) {
      return files.toList();
    }
  }

  @Test
  void putsABranchAwayAndBringsItBack() throws Exception {
    archive(GRANDCHILD);
    archive(CHILD);
    assertThat(files(CHILD)).isEmpty();
    assertThatThrownBy(() -> store.manager.timeline(id(CHILD)).checkUsable())
        .isInstanceOf(StorageException.Precondition.class)
        .hasMessageContaining("branch unarchive child");
    store.restart();
    assertThat(isArchived(CHILD)).isTrue();
    unarchive(CHILD);
    Timeline child = store.manager.timeline(id(CHILD));
    child.checkUsable();
    assertThat(Store.read(child, Store.block(1), child.lastRecordLsn())).hasValue("of the child");
    store.restart();
    assertThat(isArchived(CHILD)).isFalse();
    assertThat(isArchived(GRANDCHILD)).isTrue();
  }

  @Test
  void keepsWhatOthersReadFrom() throws Exception {
    assertThatThrownBy(() -> archive(CHILD))
        .isInstanceOf(StorageException.Precondition.class)
        .hasMessageContaining("grandchild");
    store.manager.timeline(id(CHILD)).checkUsable();
    archive(GRANDCHILD);
    archive(CHILD);
    assertThatThrownBy(() -> unarchive(GRANDCHILD))
        .isInstanceOf(StorageException.Precondition.class)
        .hasMessageContaining("branch unarchive child");
    unarchive(CHILD);
    unarchive(GRANDCHILD);
  }

  @Test
  void makesNoBranchOfOneThatIsArchived() throws Exception {
    archive(GRANDCHILD);
    Timeline grandchild = store.manager.timeline(id(GRANDCHILD));
    assertThatThrownBy(() ->
            store.branch("more", new TimelineId(3, 3), grandchild, grandchild.lastRecordLsn()))
        .isInstanceOf(StorageException.Precondition.class)
        .hasMessageContaining("archived");
    store.manager.deleteBranch(id(GRANDCHILD));
  }

  @Test
  void tellsNobodyToWriteToOneThatIsArchived() throws Exception {
    List<String> heard = new ArrayList<>();
    BranchListener listener =
        new BranchListener() {
          @Override
          public void added(Timeline timeline) {
            heard.add("+" + timeline.name());
          }

          @Override
          public void removed(TenantTimelineId id) {
            heard.add("-" + id.timeline());
          }
        };
    store.manager.setListener(listener);
    heard.clear();
    archive(GRANDCHILD);
    unarchive(GRANDCHILD);
    archive(GRANDCHILD);
    assertThat(heard).containsExactly("-" + GRANDCHILD, "+grandchild", "-" + GRANDCHILD);
    store.restart();
    heard.clear();
    store.manager.setListener(listener);
    assertThat(heard).containsExactlyInAnyOrder("+main", "+child");
  }

  @Test
  void takesNothingFromOneThatIsArchived() throws Exception {
    archive(GRANDCHILD);
    List<GarbageCollection.Report> reports =
        store
            .manager
            .garbage()
            .run(Store.TENANT, Optional.of(GRANDCHILD), new GcSettings(Duration.ZERO, 0), false);
    assertThat(reports.getFirst().cutoff().reason()).isEqualTo(Cutoff.Reason.ARCHIVED);
  }

  @Test
  void removesFilesThatAStopHasLeft() throws Exception {
    archive(GRANDCHILD);
    archive(CHILD);
    Timeline child = store.manager.timeline(id(CHILD));
    // Downloaded again, as by a read that was under way.
    assertThat(Store.read(child, Store.block(1), child.lastRecordLsn())).isPresent();
    assertThat(files(CHILD)).isNotEmpty();
    store.crash();
    assertThat(files(CHILD)).isEmpty();
  }

  @Test
  void isArchivedOrNotWhereverTheObjectStoreFails() throws Exception {
    for (boolean isLastDone : new boolean[] {false, true}) {
      for (int operations = 1; ; operations++) {
        objects.failAfter(operations, isLastDone);
        boolean failed = false;
        try {
          archive(GRANDCHILD);
        } catch (StorageException.Transient e) {
          failed = true;
        }
        boolean wasReached = objects.isGone();
        objects.heal();
        if (failed) {
          assertThatThrownBy(() -> store.manager.timeline(id(GRANDCHILD)).checkUsable())
              .isInstanceOf(StorageException.Transient.class);
          store.manager.sweep();
          store.manager.timeline(id(GRANDCHILD)).checkUsable();
        }
        store.crash();
        assertThat(isArchived(GRANDCHILD)).isEqualTo(!failed);
        unarchive(GRANDCHILD);
        if (!wasReached) {
          break;
        }
      }
    }
  }
}
