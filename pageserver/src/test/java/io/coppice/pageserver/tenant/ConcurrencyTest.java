package io.coppice.pageserver.tenant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TimelineId;
import io.coppice.common.key.Key;
import io.coppice.pageserver.timeline.LayerInfo;
import io.coppice.pageserver.timeline.Timeline;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Readers, the writer and maintenance at once. */
@Timeout(120)
class ConcurrencyTest {
  private static final int KEYS = 500;
  private static final int VALUE_SIZE_BYTES = 400;
  private static final int RECORDS = 60_000;

  @TempDir Path directory;

  /** A value that says which record it is of: the same for each eight bytes of it. */
  private static byte[] value(long record) {
    ByteBuffer value = ByteBuffer.allocate(1 + VALUE_SIZE_BYTES).put((byte) 0);
    while (value.hasRemaining()) {
      value.putLong(record);
    }
    return value.array();
  }

  private static Lsn lsn(long record) {
    return Store.START.plus(8 * record);
  }

  /** Record n, from 1 on, writes block n modulo KEYS, and one of a few sparse keys. */
  private static void write(Timeline timeline, long record) throws StorageException {
    byte[] value = value(record);
    Lsn lsn = lsn(record);
    timeline.writer().put(Store.block((int) (record % KEYS)), lsn, value, 0, value.length);
    timeline.writer().put(sparse(record % 3), lsn, value, 0, 9);
    timeline.writer().finishRecord(lsn(record - 1), lsn);
  }

  private static Key sparse(long number) {
    return new Key(0x65, 1, 2, (int) number, 0, 1);
  }

  private static void readOne(Timeline timeline, RandomGenerator random) throws StorageException {
    long last = timeline.lastRecordLsn().minus(Store.START) / 8;
    // Mostly the newest state; else any.
    long at = random.nextInt(4) != 0 ? last : random.nextLong(last + 1);
    long block = random.nextInt(KEYS);
    long expected = at - Math.floorMod(at - block, (long) KEYS);
    byte[] found = timeline.get(Store.block((int) block), lsn(at)).orElse(new byte[0]);
    if (expected <= 0) {
      assertThat(found).isEmpty();
    } else {
      assertThat(found).hasSize(VALUE_SIZE_BYTES);
      assertThat(ByteBuffer.wrap(found).getLong()).isEqualTo(expected);
      assertThat(ByteBuffer.wrap(found).getLong(VALUE_SIZE_BYTES - 8)).isEqualTo(expected);
    }
    if (random.nextInt(50) == 0 && at >= 3) {
      List<Long> records = new ArrayList<>();
      timeline.scan(
          sparse(0),
          sparse(9),
          lsn(at),
          (_, value) -> records.add(ByteBuffer.wrap(value).getLong()));
      assertThat(records).containsExactlyInAnyOrder(at, at - 1, at - 2);
    }
  }

  @Test
  void readsAreRightWhileLayersRollAndAreFlushed() throws Exception {
    try (Store store = new Store(directory);
        ExecutorService threads = Executors.newCachedThreadPool()) {
      Timeline root = store.importEmpty();
      AtomicBoolean written = new AtomicBoolean();
      List<Future<?>> readers = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(i);
        readers.add(
            threads.submit(() -> {
              while (!written.get()) {
                readOne(root, random);
              }
              return null;
            }));
      }
      try {
        for (long record = 1; record <= RECORDS; record++) {
          write(root, record);
          if (record % 20_000 == 0) {
            root.flush(60_000);
          }
        }
      } finally {
        written.set(true);
      }
      for (Future<?> reader : readers) {
        reader.get();
      }
      assertThat(root.layers().size()).isGreaterThan(5);
      assertThat(root.diskConsistentLsn()).isEqualTo(lsn(RECORDS));
    }
  }

  @Test
  void holdsTheWriterBackWhileLayersCannotBeWritten() throws Exception {
    FailingObjectStore objects = new FailingObjectStore(Store.objects(directory));
    try (Store store = new Store(directory, objects, Store.config(directory));
        ExecutorService threads = Executors.newCachedThreadPool()) {
      Timeline root = store.importEmpty();
      // The first layer is still uploaded, but not the index that names it.
      objects.failAfter(2, false);
      CountDownLatch finished = new CountDownLatch(1);
      Future<?> writer =
          threads.submit(() -> {
            for (long record = 1; record <= RECORDS; record++) {
              write(root, record);
            }
            finished.countDown();
            return null;
          });
      try {
        assertThat(finished.await(3, TimeUnit.SECONDS)).isFalse();
        checkThatNothingPassesForDurable(store, root);
      } finally {
        objects.heal();
      }
      writer.get();
      root.flush(60_000);
      assertThat(root.diskConsistentLsn()).isEqualTo(lsn(RECORDS));
    }
  }

  /** What no index names is not durable (P6), and memory is bounded. */
  private static void checkThatNothingPassesForDurable(Store store, Timeline root) {
    assertThat(root.diskConsistentLsn()).isEqualTo(Store.START);
    assertThat(root.remoteConsistentLsn()).isEqualTo(Store.START);
    List<LayerInfo> inMemory =
        root.layers().stream().filter(layer -> layer.kind() == LayerInfo.Kind.MEMORY).toList();
    // The open one, and two that wait for being written.
    assertThat(inMemory).hasSize(3);
    assertThat(inMemory.stream().mapToLong(LayerInfo::sizeBytes).sum())
        .isLessThan(4 * store.config.openLayerSizeBytesMax());
    assertThatThrownBy(() -> root.flush(100)).hasMessageContaining("object store");
  }

  @Test
  void manyReadersShareOneDownload() throws Exception {
    try (Store store = new Store(directory)) {
      Timeline root = store.importEmpty();
      for (long record = 1; record <= KEYS; record++) {
        write(root, record);
      }
      store.restart();
      Path files = store.layersDirectory().resolve(Store.TENANT + "/" + Store.ROOT);
      try (Stream<Path> layers = Files.list(files)) {
        for (Path layer : layers.toList()) {
          Files.delete(layer);
        }
      }
      Timeline again = store.root();
      List<Future<?>> readers = new ArrayList<>();
      try (ExecutorService threads = Executors.newCachedThreadPool()) {
        for (int i = 0; i < 32; i++) {
          RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(i);
          readers.add(
              threads.submit(() -> {
                readOne(again, random);
                return null;
              }));
        }
        for (Future<?> reader : readers) {
          reader.get();
        }
      }
    }
  }

  @Test
  void closesWhileReadersAndTheWriterAreAtWork() throws Exception {
    for (int round = 0; round < 5; round++) {
      try (Store store = new Store(directory.resolve("round-" + round));
          ExecutorService threads = Executors.newCachedThreadPool()) {
        Timeline root = store.importEmpty();
        Timeline child = store.branch("child", new TimelineId(3, 1), root, Store.START);
        CountDownLatch started = new CountDownLatch(3);
        List<Future<?>> busy = new ArrayList<>();
        busy.add(
            threads.submit(() -> {
              for (long record = 1; ; record++) {
                write(child, record);
                if (record == 1_000) {
                  started.countDown();
                }
              }
            }));
        for (int i = 0; i < 2; i++) {
          RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(i);
          busy.add(
              threads.submit(() -> {
                started.countDown();
                while (true) {
                  readOne(child, random);
                }
              }));
        }
        started.await();
        store.manager.deleteBranch(child.id());
        for (Future<?> each : busy) {
          assertThatThrownBy(each::get).hasCauseInstanceOf(StorageException.Transient.class);
        }
      }
    }
  }
}
