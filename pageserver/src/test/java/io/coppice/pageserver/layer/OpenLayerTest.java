package io.coppice.pageserver.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.Invariant;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.key.Key;
import io.coppice.testsupport.Seeded;
import java.nio.ByteBuffer;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.junit.jupiter.api.Test;

class OpenLayerTest {
  private static final RelationTag TABLE = new RelationTag(1663, 5, 16384, 0);
  private static final LayerEnvironment ENVIRONMENT = new LayerEnvironment(1 << 20);
  private final OpenLayer layer = new OpenLayer(new Lsn(100), 0, ENVIRONMENT);
  private final VersionList found = new VersionList();

  private static byte[] image(long number) {
    return ByteBuffer.allocate(9).put((byte) 0).putLong(number).array();
  }

  /** Any kind that is not complete. */
  private static byte[] change(long number) {
    return ByteBuffer.allocate(9).put((byte) 4).putLong(number).array();
  }

  private void put(Key key, long lsn, byte[] value) throws StorageException {
    layer.put(key, new Lsn(lsn), value, 0, value.length);
  }

  private long number(int version) {
    return ByteBuffer.wrap(found.bytes()).getLong(found.start(version) + 1);
  }

  private void collect(Key key, long lsn, long floor) throws StorageException {
    found.clear();
    layer.collect(key, lsn, floor, found);
  }

  @Test
  void givesVersionsFromTheLsnDownToACompleteOne() throws Exception {
    Key key = Key.relationBlock(TABLE, 7);
    put(key, 110, change(1));
    put(key, 120, image(2));
    put(key, 130, change(3));
    put(key, 140, change(4));
    put(key, 150, change(5));
    collect(key, 145, 0);
    assertThat(found.count()).isEqualTo(3);
    assertThat(found.isComplete()).isTrue();
    assertThat(number(0)).isEqualTo(4);
    assertThat(found.lsn(2)).isEqualTo(new Lsn(120));
    collect(key, 150, 130);
    assertThat(found.count()).isEqualTo(2);
    assertThat(found.isComplete()).isFalse();
    collect(key, 109, 0);
    assertThat(found.count()).isZero();
    collect(Key.relationBlock(TABLE, 8), 150, 0);
    assertThat(found.count()).isZero();
  }

  @Test
  void replacesACompleteValuePutAgainAtTheSameLsn() throws Exception {
    Key key = Key.relationBlock(TABLE, 7);
    put(key, 110, image(1));
    put(key, 110, image(2));
    collect(key, 110, 0);
    assertThat(found.count()).isEqualTo(1);
    assertThat(number(0)).isEqualTo(2);
  }

  @Test
  void refusesASecondValueThatNeedsTheFirst() throws Exception {
    Key key = Key.relationBlock(TABLE, 7);
    put(key, 110, image(1));
    assertThatThrownBy(() -> put(key, 110, change(2)))
        .isInstanceOf(Invariant.Violation.class)
        .hasMessageContaining("twice at 0/6E");
    assertThatThrownBy(() -> put(key, 109, image(2))).isInstanceOf(Invariant.Violation.class);
  }

  @Test
  void refusesAValueThatIsTooLarge() {
    byte[] value = new byte[OpenLayer.VALUE_SIZE_BYTES_MAX + 1];
    assertThatThrownBy(() -> put(Key.relationBlock(TABLE, 7), 110, value))
        .isInstanceOf(StorageException.Unsupported.class)
        .hasMessageContaining("limit");
  }

  @Test
  void holdsValuesOfAllSizes() throws Exception {
    for (int size : new int[] {1, 8191, 65_600, 1 << 20, OpenLayer.VALUE_SIZE_BYTES_MAX, 5}) {
      byte[] value = new byte[size];
      value[size - 1] = (byte) (size == 1 ? 0 : 77);
      put(Key.relationBlock(TABLE, size), 110, value);
    }
    for (int size : new int[] {1, 8191, 65_600, 1 << 20, OpenLayer.VALUE_SIZE_BYTES_MAX, 5}) {
      collect(Key.relationBlock(TABLE, size), 110, 0);
      assertThat(found.length(0)).isEqualTo(size);
      assertThat(found.bytes()[size - 1]).isEqualTo((byte) (size == 1 ? 0 : 77));
    }
  }

  @Test
  void forgetsADiscardedRecordAndTakesItAgain() throws Exception {
    Key key = Key.relationBlock(TABLE, 7);
    Key other = new Key(0x65, 1, 2, 3, 0, 1);
    put(key, 110, image(1));
    layer.endRecord();
    put(key, 120, change(2));
    put(other, 120, image(2));
    layer.discardRecord();
    assertThat(layer.newestLsn()).isEqualTo(new Lsn(110));
    collect(key, 120, 0);
    assertThat(number(0)).isEqualTo(1);
    put(key, 120, change(3));
    put(other, 120, image(3));
    layer.endRecord();
    collect(key, 120, 0);
    assertThat(number(0)).isEqualTo(3);
    assertThat(found.count()).isEqualTo(2);
    assertThat(DrainOrder.of(layer)).hasSize(3);
    ScanSource scan = layer.scan(Key.MIN, Key.MAX, 120);
    assertThat(scan.next()).isNotNull();
    assertThat(scan.next()).isNull();
  }

  @Seeded(tries = 20)
  void drainsByKeyAndFromNewestToOldest(long seed) throws Exception {
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
    for (int i = 0; i < 3_000; i++) {
      Key key =
          random.nextBoolean()
              ? Key.relationBlock(
                  new RelationTag(1663, 5, -random.nextInt(3), 0), -random.nextInt(9))
              : new Key(random.nextInt(200), random.nextInt(3), -1, 0, random.nextInt(2), 0);
      put(key, 101 + i, image(i));
    }
    Key previous = null;
    long previousLsn = 0;
    for (int number : DrainOrder.of(layer)) {
      long version = DrainOrder.position(number);
      Key key = layer.keys().key(layer.entry(version));
      if (key.equals(previous)) {
        assertThat(layer.lsn(version)).isLessThan(previousLsn);
      } else if (previous != null) {
        assertThat(key).isGreaterThan(previous);
      }
      previous = key;
      previousLsn = layer.lsn(version);
    }
  }

  /** Readers go on while tables double and chunks are added, and see all that is published. */
  @Test
  void canBeReadWhileItGrows() throws Exception {
    int keys = 20_000;
    int rounds = 6;
    AtomicLong published = new AtomicLong(100);
    CountDownLatch reading = new CountDownLatch(2);
    try (ExecutorService threads = Executors.newFixedThreadPool(3)) {
      Future<?>[] readers = new Future<?>[2];
      for (int r = 0; r < readers.length; r++) {
        int number = r;
        readers[r] = threads.submit(() -> readUntil(published, keys, rounds, number, reading));
      }
      reading.await();
      for (long n = 0; n < (long) keys * rounds; n++) {
        put(Key.relationBlock(TABLE, (int) (n % keys)), 101 + n, n < keys ? image(n) : change(n));
        published.set(101 + n);
      }
      for (Future<?> reader : readers) {
        reader.get();
      }
    }
  }

  private Void readUntil(
      AtomicLong published, int keys, int rounds, int reader, CountDownLatch reading)
      throws StorageException {
    VersionList versions = new VersionList();
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(reader);
    reading.countDown();
    long last;
    do {
      last = published.get();
      long puts = last - 100;
      int block = random.nextInt(keys);
      versions.clear();
      layer.collect(Key.relationBlock(TABLE, block), last, 0, versions);
      long expected = puts / keys + (block < puts % keys ? 1 : 0);
      assertThat(versions.count()).isEqualTo((int) expected);
      for (int i = 0; i < versions.count(); i++) {
        long number = ByteBuffer.wrap(versions.bytes()).getLong(versions.start(i) + 1);
        assertThat(number).isEqualTo(block + (expected - 1 - i) * keys);
      }
    } while (last < 100 + (long) keys * rounds);
    return null;
  }
}
