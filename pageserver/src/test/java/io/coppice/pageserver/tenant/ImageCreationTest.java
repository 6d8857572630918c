package io.coppice.pageserver.tenant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Fork;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TimelineId;
import io.coppice.common.key.Key;
import io.coppice.pageserver.layer.LayerDescriptor;
import io.coppice.pageserver.layer.LayerKind;
import io.coppice.pageserver.layer.LayerName;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.postgres.redo.ByteSink;
import io.coppice.postgres.redo.StoredValues;
import io.coppice.testsupport.Seeded;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Image layers are made where deltas pile up, and say all that there is. */
@Timeout(300)
class ImageCreationTest {
  private static final Key BROKEN = Key.relationBlock(Store.TABLE.withFork(Fork.VM), 0);

  @TempDir Path directory;

  private static List<LayerName> images(Timeline timeline) {
    return timeline.durableIndex().layers().stream()
        .map(LayerDescriptor::name)
        .filter(name -> name.kind() == LayerKind.IMAGE && name.lsnFrom().isAfter(Store.START))
        .toList();
  }

  /** Drops all deltas that newer images cover, without which the present must be the same. */
  private static int dropCovered(Timeline timeline) throws StorageException {
    List<LayerName> images = images(timeline);
    List<LayerName> covered =
        LayerHistory.deltas(timeline).stream().filter(delta -> isCovered(delta, images)).toList();
    timeline.replaceLayers(covered, List.of());
    return covered.size();
  }

  private static boolean isCovered(LayerName delta, List<LayerName> images) {
    Key at = delta.keyFrom();
    while (at.compareTo(delta.keyTo()) < 0) {
      Key from = at;
      Optional<LayerName> image =
          images.stream()
              .filter(i -> i.covers(from) && i.lsnTo().isAtOrAfter(delta.lsnTo()))
              .findFirst();
      if (image.isEmpty()) {
        return false;
      }
      at = image.get().keyTo();
    }
    return true;
  }

  @Seeded(tries = 6)
  void keepsHistoryAndMakesItNeedlessForThePresent(long seed, @TempDir Path place)
      throws Exception {
    try (Store store = new Store(place)) {
      Timeline timeline = store.importEmpty();
      LayerHistory history = new LayerHistory(seed);
      for (int i = 0; i < 15; i++) {
        history.writeLayer(timeline, 40);
        LayerHistory.upkeep(timeline);
        history.check(timeline);
      }
      LayerHistory.checkLayout(timeline);
      assertThat(images(timeline)).isNotEmpty();
      history.checkAll(timeline);
      assertThat(dropCovered(timeline)).isPositive();
      history.checkNewest(timeline);
      store.crash();
      history.checkNewest(store.root());
      CompactionTest.checkObjects(store);
    }
  }

  @Test
  void leavesOutAPageThatCannotBeMade() throws Exception {
    ByteSink sink = new ByteSink();
    StoredValues.encodeClearVmBits(sink, StoredValues.VM_ALL, 0);
    try (Store store = new Store(directory)) {
      Timeline timeline = store.importEmpty();
      Lsn lsn = Store.START;
      for (int round = 0; round < 9; round++) {
        for (int key = 0; key < 5; key++) {
          lsn = lsn.plus(8);
          Store.put(timeline, Store.block(key), lsn, "block " + key + " of " + round);
          timeline.writer().put(BROKEN, lsn, sink.bytes(), 0, sink.length());
          timeline.writer().finishRecord(timeline.lastRecordLsn(), lsn);
        }
        timeline.flush(20_000);
      }
      LayerHistory.upkeep(timeline);
      assertThat(images(timeline)).hasSizeGreaterThan(1);
      assertThat(images(timeline)).noneMatch(name -> name.covers(BROKEN));
      assertThat(images(timeline)).anyMatch(name -> name.covers(Store.block(3)));
      for (int key = 0; key < 5; key++) {
        assertThat(Store.read(timeline, Store.block(key), lsn)).hasValue("block " + key + " of 8");
      }
      Lsn newest = lsn;
      assertThatThrownBy(() -> timeline.get(BROKEN, newest))
          .isInstanceOf(StorageException.Corrupt.class)
          .hasMessageContaining(BROKEN.toString());
    }
  }

  @Test
  void hasOfABranchWhatItsParentHadInMemory() throws Exception {
    try (Store store = new Store(directory)) {
      Timeline root = store.importEmpty();
      TreeMap<Integer, String> expected = new TreeMap<>();
      Lsn lsn = Store.START;
      for (int key = 0; key < 30; key++) {
        lsn = lsn.plus(8);
        Store.write(root, Store.block(key), lsn, "of parent " + key);
        expected.put(key, "of parent " + key);
      }
      // Behind the branch point the parent goes on, and nothing of that may be seen.
      Timeline child = store.branch("child", new TimelineId(3, 1), root, lsn);
      Store.write(root, Store.block(3), lsn.plus(8), "too late");
      for (int round = 0; round < 9; round++) {
        for (int key = 0; key < 30; key += 3) {
          lsn = lsn.plus(8);
          Store.write(child, Store.block(key), lsn, "of child " + round);
          expected.put(key, "of child " + round);
        }
        child.flush(20_000);
      }
      upkeepBeside(child, root);
      assertThat(images(child)).isNotEmpty();
      assertThat(dropCovered(child)).isPositive();
      for (int key = 0; key < 30; key++) {
        assertThat(Store.read(child, Store.block(key), lsn)).hasValue(expected.get(key));
      }
      Lsn start = child.startLsn();
      assertThat(Store.read(child, Store.block(6), start)).hasValue("of parent 6");
    }
  }

  /** The child's images must wait for the parent to be flushed. */
  private static void upkeepBeside(Timeline child, Timeline parent) throws Exception {
    child.upkeep();
    parent.flush(20_000);
    for (int i = 0; i < 100 && images(child).isEmpty(); i++) {
      child.upkeep();
      // The task pauses after a failure.
      LockSupport.parkNanos(50_000_000);
    }
  }
}
