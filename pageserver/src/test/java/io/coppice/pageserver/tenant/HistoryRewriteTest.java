package io.coppice.pageserver.tenant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Fork;
import io.coppice.common.id.Lsn;
import io.coppice.common.key.Key;
import io.coppice.pageserver.layer.LayerDescriptor;
import io.coppice.pageserver.timeline.ImageImport;
import io.coppice.pageserver.timeline.NeededLsns;
import io.coppice.pageserver.timeline.Precaution;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.redo.ByteSink;
import io.coppice.postgres.redo.StoredValues;
import io.coppice.testsupport.Seeded;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Old layers are written anew, and what must be readable is as before. */
@Timeout(300)
class HistoryRewriteTest {

  private static final Key MAP = Key.relationBlock(Store.TABLE.withFork(Fork.VM), 0);

  @Seeded(tries = 6)
  void keepsWhatIsNeeded(long seed, @TempDir Path directory) throws Exception {
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
    try (Store store = new Store(directory)) {
      Timeline timeline = store.importEmpty();
      LayerHistory history = new LayerHistory(seed);
      for (int i = 0; i < 15; i++) {
        history.writeLayer(timeline, 40);
        LayerHistory.upkeep(timeline);
      }
      Lsn newest = timeline.lastRecordLsn();
      Lsn cutoff = Store.START.plus(newest.minus(Store.START) * 3 / 4);
      TreeSet<Lsn> points = new TreeSet<>();
      for (int i = 0; i < seed % 3; i++) {
        points.add(Store.START.plus(random.nextLong(cutoff.minus(Store.START))));
      }
      NeededLsns needed =
          lsn ->
              Optional.ofNullable(points.ceiling(lsn)).or(() -> Optional.of(Lsn.max(lsn, cutoff)));
      long sizeBytes = sizeBytes(timeline);
      List<LayerDescriptor> layers = timeline.durableIndex().layers();
      List<List<LayerDescriptor>> before = new ArrayList<>();
      int rewritten =
          timeline.rewriteHistory(
              needed, 1_000, () -> before.add(timeline.durableIndex().layers()));
      assertThat(before)
          .as("told once, before anything has changed")
          .isEqualTo(rewritten == 0 ? List.of() : List.of(layers));
      if (points.isEmpty()) {
        assertThat(rewritten).isPositive();
        assertThat(sizeBytes(timeline)).isLessThan(sizeBytes);
      }
      Precaution none = () -> fail("nothing is rewritten");
      assertThat(timeline.rewriteHistory(needed, 1_000, none)).isZero();
      LayerHistory.checkLayout(timeline);
      for (Lsn point : points) {
        history.checkAt(timeline, point);
      }
      for (Lsn lsn = cutoff; lsn.isAtOrBefore(newest); lsn = lsn.plus(8)) {
        history.checkAt(timeline, lsn);
      }
      store.crash();
      history.checkAt(store.root(), cutoff);
      CompactionTest.checkObjects(store);
    }
  }

  @Test
  void keepsTheChangesThatAPageIsMadeOf(@TempDir Path directory) throws Exception {
    try (Store store = new Store(directory)) {
      Timeline timeline = store.importEmpty();
      ByteSink sink = new ByteSink();
      TreeMap<Lsn, byte[]> pages = new TreeMap<>();
      byte[] page = new byte[Page.SIZE_BYTES];
      Arrays.fill(page, 24, page.length, (byte) 0xFF);
      Lsn lsn = Store.START;
      for (int i = 0; i < 36; i++) {
        lsn = lsn.plus(8);
        if (i == 0) {
          StoredValues.encodeImage(sink, page, 0, page.length);
        } else {
          StoredValues.encodeClearVmBits(sink, StoredValues.VM_ALL, i);
        }
        timeline.writer().put(MAP, lsn, sink.bytes(), 0, sink.length());
        Store.put(timeline, Store.block(1), lsn, "version " + i);
        timeline.writer().finishRecord(timeline.lastRecordLsn(), lsn);
        pages.put(lsn, timeline.get(MAP, lsn).orElseThrow());
        if (i % 2 == 1) {
          timeline.flush(20_000);
        }
        if (i < 24) {
          LayerHistory.upkeep(timeline);
        }
      }
      Lsn point = Store.START.plus(8 * 3);
      Lsn cutoff = Store.START.plus(8 * 30);
      NeededLsns needed =
          from -> Optional.of(from.isAtOrBefore(point) ? point : Lsn.max(from, cutoff));
      int rewritten = timeline.rewriteHistory(needed, 1_000, () -> {});
      assertThat(rewritten).isPositive();
      for (Map.Entry<Lsn, byte[]> expected : pages.entrySet()) {
        Lsn at = expected.getKey();
        if (at.equals(point) || at.isAtOrAfter(cutoff)) {
          assertThat(timeline.get(MAP, at)).as("at %s", at).hasValue(expected.getValue());
          assertThat(Store.read(timeline, Store.block(1), at))
              .hasValue("version " + (at.minus(Store.START) / 8 - 1));
        }
      }
    }
  }

  /** A root with images in more than one column: a table's pages, and its visibility map. */
  private static Timeline importColumns(Store store, ByteSink sink) throws StorageException {
    try (ImageImport running = store.manager.importRoot(Store.rootImport())) {
      for (int block = 0; block < 10; block++) {
        byte[] value = Store.value("imported ".repeat(400));
        running.put(Store.block(block), value, 0, value.length);
      }
      byte[] page = new byte[Page.SIZE_BYTES];
      Arrays.fill(page, 24, page.length, (byte) 0xFF);
      StoredValues.encodeImage(sink, page, 0, page.length);
      running.put(MAP, sink.bytes(), 0, sink.length());
      return running.finish();
    }
  }

  @Test
  void keepsTheKeysThatNoNewImageHas(@TempDir Path directory) throws Exception {
    try (Store store = new Store(directory)) {
      ByteSink sink = new ByteSink();
      Timeline timeline = importColumns(store, sink);
      Lsn lsn = Store.START;
      for (int round = 0; round < 12; round++) {
        for (int i = 0; i < 2; i++) {
          lsn = lsn.plus(8);
          Store.put(timeline, Store.block(1), lsn, "round " + round);
          if (round < 3) {
            StoredValues.encodeClearVmBits(sink, StoredValues.VM_ALL, 2 * round + i);
            timeline.writer().put(MAP, lsn, sink.bytes(), 0, sink.length());
          }
          timeline.writer().finishRecord(timeline.lastRecordLsn(), lsn);
        }
        timeline.flush(20_000);
        LayerHistory.upkeep(timeline);
      }
      Lsn cutoff = lsn;
      byte[] map = timeline.get(MAP, cutoff).orElseThrow();
      long covering = LayerHistory.deltas(timeline).stream().filter(n -> n.covers(MAP)).count();
      assertThat(covering).isPositive();
      NeededLsns needed = from -> Optional.of(Lsn.max(from, cutoff));
      assertThat(timeline.rewriteHistory(needed, 1_000, () -> {})).isPositive();
      assertThat(timeline.get(MAP, cutoff)).hasValue(map);
      assertThat(Store.read(timeline, Store.block(1), cutoff)).hasValue("round 11");
      assertThat(LayerHistory.deltas(timeline)).anyMatch(name -> name.covers(MAP));
    }
  }

  private static long sizeBytes(Timeline timeline) {
    return timeline.durableIndex().layers().stream().mapToLong(LayerDescriptor::sizeBytes).sum();
  }
}
