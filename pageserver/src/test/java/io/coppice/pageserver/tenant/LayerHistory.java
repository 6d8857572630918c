package io.coppice.pageserver.tenant;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.key.Key;
import io.coppice.pageserver.layer.LayerDescriptor;
import io.coppice.pageserver.layer.LayerKind;
import io.coppice.pageserver.layer.LayerName;
import io.coppice.pageserver.timeline.Timeline;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/**
 * Random writes to the root branch, whose every version must be read whatever becomes of layers.
 */
final class LayerHistory {
  private static final int KEYS = 60;
  private static final int SPARSE_FROM = 40;

  private final TreeMap<Key, TreeMap<Lsn, String>> values = new TreeMap<>();
  private final TreeMap<Lsn, Map<Key, String>> records = new TreeMap<>();
  private final RandomGenerator random;
  private Lsn last = Store.START;

  LayerHistory(long seed) {
    random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
  }

  static Key key(int number) {
    return number < SPARSE_FROM ? Store.block(number * 10) : new Key(0x65, 1663, 5, number, 0, 1);
  }

  /** Writes some records, a part of which to one key, and flushes them. */
  void writeLayer(Timeline timeline, int recordCount) throws Exception {
    writeLayer(timeline, recordCount, 20_000);
  }

  /** The same, where the flush may fail. */
  void writeLayer(Timeline timeline, int recordCount, long flushMillis) throws Exception {
    int favourite = random.nextInt(KEYS);
    for (int i = 0; i < recordCount; i++) {
      Map<Key, String> record = new TreeMap<>();
      int count = 1 + random.nextInt(3);
      for (int j = 0; j < count; j++) {
        int number = random.nextInt(4) == 0 ? favourite : random.nextInt(KEYS);
        boolean isDeleted = number >= SPARSE_FROM && random.nextInt(4) == 0;
        record.put(key(number), isDeleted ? "" : text());
      }
      records.put(last.plus(8), record);
      last = last.plus(8);
      write(timeline, last, record);
    }
    timeline.flush(flushMillis);
  }

  private String text() {
    // Long ones too, that LZ4 makes nothing of.
    int length = random.nextInt(20) == 0 ? 3_000 : random.nextInt(200);
    StringBuilder text = new StringBuilder("v");
    for (int i = 0; i < length; i++) {
      text.append((char) ('a' + random.nextInt(26)));
    }
    return text.toString();
  }

  private void write(Timeline timeline, Lsn lsn, Map<Key, String> record) throws StorageException {
    for (Map.Entry<Key, String> value : record.entrySet()) {
      Store.put(timeline, value.getKey(), lsn, value.getValue());
      values.computeIfAbsent(value.getKey(), _ -> new TreeMap<>()).put(lsn, value.getValue());
    }
    timeline.writer().finishRecord(timeline.lastRecordLsn(), lsn);
  }

  /** Writes what a crash has lost. */
  void writeAgain(Timeline timeline) throws StorageException {
    for (Map.Entry<Lsn, Map<Key, String>> record :
        records.tailMap(timeline.lastRecordLsn(), false).entrySet()) {
      write(timeline, record.getKey(), record.getValue());
    }
  }

  /** Reads every key at some LSNs, at the end among them, and scans. */
  void check(Timeline timeline) throws StorageException {
    Lsn newest = timeline.lastRecordLsn();
    checkAt(timeline, newest);
    for (int i = 0; i < 12; i++) {
      checkAt(timeline, Store.START.plus(random.nextLong(newest.minus(Store.START) + 1)));
    }
  }

  /** Reads every version of every key. */
  void checkAll(Timeline timeline) throws StorageException {
    for (Lsn lsn : records.keySet()) {
      checkAt(timeline, lsn);
    }
  }

  /** Reads every key at the end. */
  void checkNewest(Timeline timeline) throws StorageException {
    checkAt(timeline, timeline.lastRecordLsn());
  }

  /** Reads every key as of an LSN, and scans. */
  void checkAt(Timeline timeline, Lsn lsn) throws StorageException {
    Map<Key, String> sparse = new TreeMap<>();
    for (int i = 0; i < KEYS; i++) {
      Map.Entry<Lsn, String> version = values.getOrDefault(key(i), new TreeMap<>()).floorEntry(lsn);
      Optional<String> expected =
          version == null || version.getValue().isEmpty()
              ? Optional.empty()
              : Optional.of(version.getValue());
      assertThat(Store.read(timeline, key(i), lsn)).as("%s at %s", key(i), lsn).isEqualTo(expected);
      if (i >= SPARSE_FROM) {
        Key key = key(i);
        expected.ifPresent(value -> sparse.put(key, value));
      }
    }
    Map<Key, String> found = new TreeMap<>();
    timeline.scan(
        key(SPARSE_FROM),
        key(KEYS),
        lsn,
        (key, value) -> {
          found.put(key, new String(value, StandardCharsets.UTF_8));
          return true;
        });
    assertThat(found).as("scan at %s", lsn).isEqualTo(sparse);
  }

  static long level0Count(Timeline timeline) {
    return timeline.durableIndex().layers().stream().filter(l -> l.level() == 0).count();
  }

  /** Does upkeep until there is none left. */
  static void upkeep(Timeline timeline) {
    for (int i = 0; timeline.isUpkeepDue(); i++) {
      assertThat(i).isLessThan(1000);
      timeline.upkeep();
      assertThat(timeline.upkeepFailure()).isNull();
    }
  }

  /** No two layers of one kind, but flushes, may have a key at one LSN. */
  static void checkLayout(Timeline timeline) {
    List<LayerName> layers =
        timeline.durableIndex().layers().stream()
            .filter(layer -> layer.level() > 0)
            .map(LayerDescriptor::name)
            .toList();
    for (LayerName one : layers) {
      for (LayerName other : layers) {
        boolean isApart =
            one.equals(other)
                || one.kind() != other.kind()
                || !one.overlaps(other.keyFrom(), other.keyTo())
                || one.lsnFrom().isAtOrAfter(other.lsnTo())
                || other.lsnFrom().isAtOrAfter(one.lsnTo());
        assertThat(isApart).as("%s and %s", one, other).isTrue();
      }
    }
  }

  static List<LayerName> deltas(Timeline timeline) {
    return timeline.durableIndex().layers().stream()
        .filter(layer -> layer.level() > 0 && layer.name().kind() == LayerKind.DELTA)
        .map(LayerDescriptor::name)
        .toList();
  }
}
