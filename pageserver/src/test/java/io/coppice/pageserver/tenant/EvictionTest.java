package io.coppice.pageserver.tenant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.objectstore.ObjectInfo;
import io.coppice.common.platform.Clock;
import io.coppice.pageserver.maintenance.LayerEviction;
import io.coppice.pageserver.timeline.LayerInfo;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.pageserver.timeline.UpkeepLimits;
import io.coppice.testsupport.Seeded;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The disk is a cache: layers go, come back, and are got again when they are damaged here. */
@Timeout(60)
class EvictionTest {
  private static final LayerEviction.Limits NOTHING_STAYS = new LayerEviction.Limits(1, 0);
  private static final int LAYERS = 5;
  private static final int BLOCKS = 40;

  @TempDir Path directory;

  private final AtomicLong nowMillis = new AtomicLong(1_000);
  private final Clock clock =
      new Clock() {
        @Override
        public Instant now() {
          return Instant.EPOCH;
        }

        @Override
        public long monotonicNanos() {
          return nowMillis.get() * 1_000_000;
        }
      };
  private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
  private FailingObjectStore objects;
  private Store store;
  private Timeline root;

  @BeforeEach
  void fill() throws Exception {
    objects = new FailingObjectStore(Store.objects(directory));
    store = new Store(directory, objects, config());
    root = store.importEmpty();
    for (int layer = 0; layer < LAYERS; layer++) {
      writeLayer(layer);
      root.flush(10_000);
    }
  }

  /** Layers stay as they are flushed. */
  private TenantManagerConfig config() {
    return Store.config(directory).with().upkeep(UpkeepLimits.DEFAULTS).build();
  }

  @AfterEach
  void close() {
    objects.heal();
    store.close();
  }

  /** Every block anew. */
  private void writeLayer(int layer) throws StorageException {
    for (int block = 0; block < BLOCKS; block++) {
      Store.write(root, Store.block(block), root.lastRecordLsn().plus(8), text(layer, block));
    }
  }

  private static String text(int layer, int block) {
    return "block %d of layer %d".formatted(block, layer);
  }

  private static Lsn lsn(int layer, int block) {
    return Store.START.plus(8L * (layer * BLOCKS + block + 1));
  }

  private void readEverything() throws StorageException {
    for (int layer = 0; layer < LAYERS; layer++) {
      for (int block = 0; block < BLOCKS; block++) {
        assertThat(Store.read(root, Store.block(block), lsn(layer, block)))
            .hasValue(text(layer, block));
      }
    }
  }

  private LayerEviction eviction(LayerEviction.Limits limits) {
    return store.manager.eviction(limits, registry);
  }

  private List<Path> localFiles() throws IOException {
    try (Stream<Path> files = Files.walk(store.layersDirectory())) {
      return files.filter(Files::isRegularFile).sorted().toList();
    }
  }

  @Test
  void readsBackEverythingThatWasEvicted() throws Exception {
    readEverything();
    assertThat(localFiles()).hasSize(LAYERS + 1);

    eviction(NOTHING_STAYS).run();

    assertThat(localFiles()).isEmpty();
    assertThat(root.layers()).noneMatch(LayerInfo::isResident);
    assertThat(root.canAnswerWithoutBlocking(root.lastRecordLsn())).isFalse();
    readEverything();
    assertThat(localFiles()).hasSize(LAYERS);
    assertThat(registry.counter("coppice_pageserver_evictions", "reason", "size").count())
        .isEqualTo(LAYERS + 1);
  }

  @Test
  void doesNothingWithoutLimits() throws Exception {
    nowMillis.addAndGet(1_000_000);
    eviction(LayerEviction.Limits.NONE).run();
    assertThat(localFiles()).hasSize(LAYERS + 1);
  }

  @Test
  void neverEvictsWhatTheObjectStoreDoesNotHave() throws Exception {
    objects.failAfter(0, false);
    writeLayer(LAYERS);
    assertThatThrownBy(() -> root.flush(500)).isInstanceOf(StorageException.Transient.class);
    assertThat(localFiles()).hasSize(LAYERS + 2);

    eviction(NOTHING_STAYS).run();

    assertThat(localFiles()).hasSize(1);
    assertThat(Store.read(root, Store.block(3), lsn(LAYERS, 3))).hasValue(text(LAYERS, 3));
    objects.heal();
    root.flush(10_000);
    eviction(NOTHING_STAYS).run();
    assertThat(localFiles()).isEmpty();
    assertThat(Store.read(root, Store.block(3), lsn(LAYERS, 3))).hasValue(text(LAYERS, 3));
  }

  @Test
  void evictsFirstWhatWasNotReadForLongest() throws Exception {
    store.manager.close();
    store.manager = TenantManager.open(config(), objects, clock);
    root = store.root();
    long size = root.layerSizeBytes();
    LayerEviction eviction = eviction(new LayerEviction.Limits(size - 1, 0));
    // Read in another order than they were made.
    int[] order = {3, 1, 4, 0, 2};
    for (int layer : order) {
      nowMillis.addAndGet(10_000);
      eviction.setLimits(LayerEviction.Limits.NONE);
      eviction.run();
      assertThat(Store.read(root, Store.block(0), lsn(layer, 0))).hasValue(text(layer, 0));
    }
    List<Lsn> gone = new ArrayList<>();
    while (residentBytes() > 0) {
      eviction.setLimits(new LayerEviction.Limits(Math.max(1, residentBytes() - 1), 0));
      List<Lsn> before = residentDeltas();
      eviction.run();
      before.removeAll(residentDeltas());
      gone.addAll(before);
    }
    // The image of the import was never read, and goes before all of them.
    assertThat(gone)
        .startsWith(
            lsn(order[0], 0).plus(-7), lsn(order[1], 0).plus(-7), lsn(order[2], 0).plus(-7));
  }

  private long residentBytes() {
    return root.layerStatistics().residentSizeBytes();
  }

  private List<Lsn> residentDeltas() {
    return new ArrayList<>(
        root.layers().stream()
            .filter(layer -> layer.kind() == LayerInfo.Kind.DELTA && layer.isResident())
            .map(LayerInfo::startLsn)
            .toList());
  }

  @Test
  void evictsWhatIsNotReadForSoLong() throws Exception {
    store.manager.close();
    store.manager = TenantManager.open(config(), objects, clock);
    root = store.root();
    LayerEviction eviction = eviction(new LayerEviction.Limits(0, 60_000));
    nowMillis.addAndGet(59_000);
    eviction.run();
    assertThat(localFiles()).hasSize(LAYERS + 1);
    assertThat(Store.read(root, Store.block(0), lsn(2, 0))).hasValue(text(2, 0));
    nowMillis.addAndGet(2_000);
    eviction.run();
    assertThat(localFiles()).hasSize(1);
  }

  @Test
  void readersGoOnWhileLayersGoAndComeBack() throws Exception {
    AtomicBoolean over = new AtomicBoolean();
    AtomicLong reads = new AtomicLong();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Void>> readers = new ArrayList<>();
      for (int reader = 0; reader < 4; reader++) {
        readers.add(threads.submit(reading(reader, over, reads)));
      }
      LayerEviction eviction = eviction(NOTHING_STAYS);
      try {
        while (reads.get() < 300 && readers.stream().noneMatch(Future::isDone)) {
          eviction.run();
        }
      } finally {
        over.set(true);
      }
      for (Future<Void> reader : readers) {
        reader.get();
      }
    }
  }

  private Callable<Void> reading(long seed, AtomicBoolean over, AtomicLong reads) {
    return () -> {
      Random random = new Random(seed);
      while (!over.get()) {
        int layer = random.nextInt(LAYERS);
        int block = random.nextInt(BLOCKS);
        assertThat(Store.read(root, Store.block(block), lsn(layer, block)))
            .hasValue(text(layer, block));
        reads.incrementAndGet();
      }
      return null;
    };
  }

  @Test
  void severalWhoWantALayerWaitForOneDownload() throws Exception {
    eviction(NOTHING_STAYS).run();
    long before = objects.operations();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<?>> readers = new ArrayList<>();
      for (int i = 0; i < 16; i++) {
        int block = i;
        readers.add(
            threads.submit(() ->
                assertThat(Store.read(root, Store.block(block), lsn(4, block)))
                    .hasValue(text(4, block))));
      }
      for (Future<?> reader : readers) {
        reader.get();
      }
    }
    assertThat(objects.operations() - before).isEqualTo(1);
  }

  /** Damage of a file that is open: RocksDB has read only its index and its identity. */
  @Seeded(tries = 12)
  void getsAgainWhatIsDamagedHereAndServesNoneOfIt(long seed) throws Exception {
    Random random = new Random(seed);
    store.manager.close();
    for (Path file : localFiles()) {
      damage(file, random);
    }
    store.manager = TenantManager.open(config(), objects, Store.CLOCK);
    root = store.root();
    readEverything();
  }

  @Test
  void keepsTheDamagedFileWhenTheObjectIsDamagedToo() throws Exception {
    store.manager.close();
    Path file = localFiles().getLast();
    byte[] bytes = damage(file, new Random(1));
    for (ObjectInfo object : objects.list("tenants/")) {
      if (object.name().endsWith(file.getFileName().toString())) {
        objects.put(object.name(), bytes);
      }
    }
    store.manager = TenantManager.open(config(), objects, Store.CLOCK);
    root = store.root();
    assertThatThrownBy(this::readEverything)
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining(file.getFileName().toString())
        .hasMessageContaining("CRC32C");
    assertThat(file).hasBinaryContent(bytes);
  }

  /** Flips bits all over a file, which is no link to the object any more. */
  private static byte[] damage(Path file, Random random) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    Files.delete(file);
    for (int at = random.nextInt(40); at < bytes.length; at += 1 + random.nextInt(80)) {
      bytes[at] ^= (byte) (1 << random.nextInt(8));
    }
    Files.write(file, bytes);
    return bytes;
  }
}
