package io.coppice.pageserver.tenant;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.objectstore.ObjectInfo;
import io.coppice.pageserver.layer.LayerName;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.testsupport.Seeded;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Layers are compacted, beside flushes, restarts and failures, and every version stays. */
@Timeout(300)
class CompactionTest {

  @Seeded(tries = 4)
  void keepsEveryVersion(long seed, @TempDir Path directory) throws Exception {
    try (Store store = new Store(directory)) {
      Timeline timeline = store.importEmpty();
      LayerHistory history = new LayerHistory(seed);
      for (int i = 0; i < 12; i++) {
        history.writeLayer(timeline, 40);
        history.check(timeline);
        if (i % 4 == 3) {
          LayerHistory.upkeep(timeline);
          assertThat(LayerHistory.level0Count(timeline)).isLessThan(3);
          LayerHistory.checkLayout(timeline);
          history.check(timeline);
        }
      }
      LayerHistory.upkeep(timeline);
      assertThat(LayerHistory.deltas(timeline)).hasSizeGreaterThan(6);
      history.checkAll(timeline);
      store.crash();
      history.checkAll(store.root());
      checkObjects(store);
      store.root().verifyLayers();
    }
  }

  /** Nothing is missing, and after upkeep nothing is left over. */
  static void checkObjects(Store store) throws StorageException {
    Timeline timeline = store.root();
    timeline.upkeep();
    String prefix = "tenants/%s/timelines/%s/".formatted(Store.TENANT, Store.ROOT);
    List<String> objects =
        store.objects.list(prefix).stream()
            .map(ObjectInfo::name)
            .filter(name -> !name.contains("index.json"))
            .toList();
    assertThat(objects)
        .containsExactlyInAnyOrderElementsOf(
            timeline.durableIndex().layers().stream().map(l -> prefix + l.name()).toList());
  }

  @Test
  void cutsAKeyThatIsLargerThanALayerByLsn(@TempDir Path directory) throws Exception {
    try (Store store = new Store(directory)) {
      Timeline timeline = store.importEmpty();
      String text = "x".repeat(1_000);
      Lsn lsn = Store.START;
      for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 60; i++) {
          lsn = lsn.plus(8);
          for (int key = 1; key <= 3; key++) {
            if (key == 2 || i % 20 == 0) {
              Store.put(timeline, Store.block(key), lsn, lsn + text + key);
            }
          }
          timeline.writer().finishRecord(timeline.lastRecordLsn(), lsn);
        }
        timeline.flush(20_000);
      }
      LayerHistory.upkeep(timeline);
      assertThat(LayerHistory.level0Count(timeline)).isZero();
      LayerHistory.checkLayout(timeline);
      List<LayerName> ofLarge =
          LayerHistory.deltas(timeline).stream()
              .filter(name -> name.covers(Store.block(2)))
              .toList();
      assertThat(ofLarge)
          .hasSizeGreaterThan(8)
          .allMatch(name -> name.keyTo().equals(Store.block(3)));
      for (Lsn at = Store.START.plus(8); at.isAtOrBefore(lsn); at = at.plus(8)) {
        assertThat(Store.read(timeline, Store.block(2), at)).hasValue(at + text + 2);
        assertThat(Store.read(timeline, Store.block(3), at)).isPresent();
      }
      checkObjects(store);
    }
  }

  @Test
  void givesTheSameAnswersWhereverTheStoreFails(@TempDir Path directory) throws Exception {
    long operations = failAt(Long.MAX_VALUE / 2, false, directory.resolve("count"));
    assertThat(operations).isBetween(10L, 40L);
    for (long n = 1; n <= operations; n += 3) {
      failAt(n, n % 2 == 1, directory.resolve("at-" + n));
    }
  }

  /** Fails from an operation of the compaction on, and returns how many there were before. */
  private long failAt(long operation, boolean isLastDone, Path place) throws Exception {
    FailingObjectStore objects = new FailingObjectStore(Store.objects(place));
    try (Store store = new Store(place, objects, Store.config(place))) {
      Timeline timeline = store.importEmpty();
      LayerHistory history = new LayerHistory(operation);
      objects.failAfter(Long.MAX_VALUE, false);
      history.writeLayer(timeline, 20);
      history.writeLayer(timeline, 20);
      long before = objects.operations();
      objects.failAfter(operation, isLastDone);
      try {
        history.writeLayer(timeline, 20, 1_000);
      } catch (StorageException.Transient e) {
        // What it wrote is there, but not durable.
      }
      timeline.upkeep();
      history.check(timeline);
      long done = objects.operations() - before;
      store.manager.abandon();
      objects.heal();
      if (operation % 4 == 0) {
        store.deleteLayersDirectory();
      }
      store.manager = TenantManager.open(store.config, objects, Store.CLOCK);
      Timeline again = store.root();
      history.writeAgain(again);
      history.check(again);
      again.flush(20_000);
      LayerHistory.upkeep(again);
      LayerHistory.checkLayout(again);
      history.check(again);
      checkNamed(store);
      return done;
    }
  }

  private static void checkNamed(Store store) throws StorageException {
    Stream<String> names =
        store.root().durableIndex().layers().stream()
            .map(l -> "tenants/%s/timelines/%s/".formatted(Store.TENANT, Store.ROOT) + l.name());
    List<String> objects = store.objects.list("tenants/").stream().map(ObjectInfo::name).toList();
    assertThat(objects).containsAll(names.toList());
  }
}
