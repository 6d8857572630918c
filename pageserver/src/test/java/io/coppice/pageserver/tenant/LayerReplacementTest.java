package io.coppice.pageserver.tenant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.key.Key;
import io.coppice.common.objectstore.ObjectInfo;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.pageserver.layer.LayerDescriptor;
import io.coppice.pageserver.layer.LayerEnvironment;
import io.coppice.pageserver.layer.LayerKind;
import io.coppice.pageserver.layer.LayerName;
import io.coppice.pageserver.layer.SstLayerWriter;
import io.coppice.pageserver.timeline.Timeline;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Two layers are replaced by one that says the same. */
@Timeout(120)
class LayerReplacementTest {
  private static final int ROUNDS = 2;
  private static final int KEYS = 6;

  @TempDir Path directory;
  private final LayerEnvironment environment = new LayerEnvironment(1 << 20);

  @AfterEach
  void close() {
    environment.close();
  }

  private static Key key(int number) {
    return new Key(0x65, 0, 0, number, 0, 1);
  }

  private static Lsn lsn(int round, int key) {
    return Store.START.plus(8L * (1 + round * KEYS + key));
  }

  private static String text(int round, int key) {
    return "key " + key + " of round " + round;
  }

  /** Writes the rounds that are not there yet, each of which makes a layer. */
  private static Timeline fill(Store store) throws Exception {
    Timeline timeline = store.root();
    for (int round = 0; round < ROUNDS; round++) {
      for (int key = 0; key < KEYS; key++) {
        if (lsn(round, key).isAfter(timeline.lastRecordLsn())) {
          Store.write(timeline, key(key), lsn(round, key), text(round, key));
        }
      }
      timeline.flush(10_000);
    }
    return timeline;
  }

  private static List<LayerName> level0(Timeline timeline) {
    return timeline.durableIndex().layers().stream()
        .filter(layer -> layer.level() == 0)
        .map(LayerDescriptor::name)
        .toList();
  }

  private static String prefix() {
    return "tenants/%s/timelines/%s/".formatted(Store.TENANT, Store.ROOT);
  }

  private static Collection<String> objects(ObjectStore objects) throws StorageException {
    return objects.list(prefix()).stream()
        .map(ObjectInfo::name)
        .map(name -> name.substring(prefix().length()))
        .filter(name -> !name.startsWith("index"))
        .toList();
  }

  private static List<String> named(Timeline timeline) {
    return timeline.durableIndex().layers().stream().map(l -> l.name().toString()).toList();
  }

  /** All versions in one layer, uploaded. */
  private LayerDescriptor merged(Store store, Timeline timeline, int number)
      throws StorageException {
    Path file = store.directory.resolve("merged-" + number);
    try (SstLayerWriter writer = SstLayerWriter.create(environment, LayerKind.DELTA, 1, file)) {
      for (int key = 0; key < KEYS; key++) {
        for (int round = ROUNDS - 1; round >= 0; round--) {
          byte[] value = Store.value(text(round, key));
          writer.put(key(key), lsn(round, key).value(), value, 0, value.length);
        }
      }
      LayerName name =
          new LayerName(
              LayerKind.DELTA,
              key(0),
              key(KEYS),
              Store.START.plus(1),
              lsn(ROUNDS - 1, KEYS - 1).plus(1),
              timeline.durableIndex().layers().getFirst().name().generation(),
              number);
      LayerDescriptor layer = writer.finish(timeline.id(), name);
      Files.copy(file, layerFile(store, name));
      store.objects.putFile(prefix() + name, file);
      return layer;
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static void check(Timeline timeline) throws StorageException {
    for (int round = 0; round < ROUNDS; round++) {
      for (int key = 0; key < KEYS; key++) {
        for (int other = 0; other < KEYS; other++) {
          int seen = other <= key ? round : round - 1;
          assertThat(Store.read(timeline, key(other), lsn(round, key)))
              .isEqualTo(seen < 0 ? Optional.empty() : Optional.of(text(seen, other)));
        }
      }
    }
  }

  @Test
  void putsOneLayerInThePlaceOfTwo() throws Exception {
    try (Store store = new Store(directory)) {
      store.importEmpty();
      Timeline timeline = fill(store);
      check(timeline);
      List<LayerName> old = level0(timeline);
      assertThat(old).hasSize(ROUNDS);
      LayerDescriptor merged = merged(store, timeline, 1);
      timeline.replaceLayers(old, List.of(merged));
      check(timeline);
      timeline.upkeep();
      check(timeline);
      assertThat(objects(store.objects))
          .containsExactlyInAnyOrderElementsOf(named(timeline))
          .contains(merged.name().toString())
          .hasSize(2);
      assertThat(timeline.durableIndex().removed()).isEmpty();
      for (LayerName name : old) {
        assertThat(layerFile(store, name)).doesNotExist();
      }
      store.crash();
      check(store.root());
    }
  }

  private static Path layerFile(Store store, LayerName name) {
    return store
        .layersDirectory()
        .resolve(Store.TENANT.toString())
        .resolve(Store.ROOT.toString())
        .resolve(name.toString());
  }

  @Test
  void keepsWhatIsReplacedWhileSomebodyReadsIt() throws Exception {
    try (Store store = new Store(directory)) {
      store.importEmpty();
      Timeline timeline = fill(store);
      List<LayerName> old = level0(timeline);
      AtomicInteger seen = new AtomicInteger();
      timeline.scan(
          key(0),
          key(KEYS),
          timeline.lastRecordLsn(),
          (_, _) -> {
            if (seen.incrementAndGet() == 1) {
              timeline.replaceLayers(old, List.of(merged(store, timeline, 1)));
              assertThatThrownBy(() -> timeline.replaceLayers(old, List.of()))
                  .isInstanceOf(StorageException.Conflict.class);
              timeline.upkeep();
              assertThat(objects(store.objects))
                  .containsAll(old.stream().map(LayerName::toString).toList());
              assertThat(layerFile(store, old.getFirst())).exists();
            }
            return true;
          });
      assertThat(seen).hasValue(KEYS);
      timeline.upkeep();
      assertThat(objects(store.objects)).containsExactlyInAnyOrderElementsOf(named(timeline));
      assertThat(layerFile(store, old.getFirst())).doesNotExist();
    }
  }

  @Test
  void goesOnDeletingAfterACrash() throws Exception {
    try (Store store = new Store(directory)) {
      store.importEmpty();
      Timeline timeline = fill(store);
      List<LayerName> old = level0(timeline);
      timeline.replaceLayers(old, List.of(merged(store, timeline, 1)));
      // So that the scheduler cannot have been first.
      assertThat(timeline.durableIndex().removed()).isSubsetOf(old);
      store.crash();
      Timeline again = store.root();
      again.upkeep();
      assertThat(objects(store.objects)).containsExactlyInAnyOrderElementsOf(named(again));
      check(again);
    }
  }

  @Test
  void deletesNothingOnceALaterPageServerHasStarted() throws Exception {
    Path second = Files.createDirectory(directory.resolve("second"));
    try (Store stale = new Store(directory)) {
      stale.importEmpty();
      Timeline timeline = fill(stale);
      List<LayerName> old = level0(timeline);
      try (Store later = new Store(second, stale.objects, Store.config(second))) {
        timeline.replaceLayers(old, List.of(merged(stale, timeline, 1)));
        timeline.upkeep();
        assertThat(objects(stale.objects))
            .containsAll(old.stream().map(LayerName::toString).toList());
        check(later.root());
        assertThatThrownBy(() -> stale.manager.deleteBranch(branch(stale)))
            .isInstanceOf(StorageException.Fenced.class);
        check(later.root());
      }
    }
  }

  private static TenantTimelineId branch(Store store) throws Exception {
    return store.branch("late", new TimelineId(9, 9), store.root(), Store.START).id();
  }

  @Test
  void refusesToReplaceALayerTwiceAndDeletesWhatWasAdded() throws Exception {
    try (Store store = new Store(directory)) {
      store.importEmpty();
      Timeline timeline = fill(store);
      List<LayerName> old = level0(timeline);
      timeline.replaceLayers(old, List.of(merged(store, timeline, 1)));
      LayerDescriptor second = merged(store, timeline, 2);
      assertThatThrownBy(() -> timeline.replaceLayers(old, List.of(second)))
          .isInstanceOf(StorageException.Conflict.class)
          .hasMessageContaining(old.getFirst().toString());
      timeline.upkeep();
      assertThat(objects(store.objects)).containsExactlyInAnyOrderElementsOf(named(timeline));
      check(timeline);
    }
  }

  @Test
  void hasAllThatTheIndexNamesWhereverTheStoreFails() throws Exception {
    for (int n = 1; n <= 12; n++) {
      for (boolean isLastDone : List.of(false, true)) {
        failAt(n, isLastDone, directory.resolve(n + "-" + isLastDone));
      }
    }
  }

  private void failAt(int operation, boolean isLastDone, Path place) throws Exception {
    FailingObjectStore objects = new FailingObjectStore(Store.objects(place));
    try (Store store = new Store(place, objects, Store.config(place))) {
      store.importEmpty();
      Timeline timeline = fill(store);
      List<LayerName> old = level0(timeline);
      List<LayerDescriptor> added = new ArrayList<>(List.of(merged(store, timeline, 1)));
      objects.failAfter(operation, isLastDone);
      try {
        timeline.replaceLayers(old, added);
      } catch (StorageException.Transient e) {
        // Undone, or found done at the next start.
      }
      timeline.upkeep();
      check(timeline);
      // Once on after the store is back, once found by the next start.
      if (operation % 2 == 0) {
        objects.heal();
        check(timeline);
      }
      store.manager.abandon();
      objects.heal();
      store.deleteLayersDirectory();
      store.manager = TenantManager.open(store.config, objects, Store.CLOCK);
      Timeline again = store.root();
      assertThat(objects(objects)).containsAll(named(again));
      check(again);
      again.upkeep();
      assertThat(objects(objects)).containsAll(named(again));
      check(fill(store));
    }
  }
}
