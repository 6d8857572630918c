package io.coppice.pageserver.tenant;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TimelineId;
import io.coppice.common.key.Key;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.page.PageChecksum;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Reads through the page cache. The simulation compares them with a model on top. */
@Timeout(120)
class CachedReadsTest {
  private static final int BLOCKS = 200;
  private static final int RECORDS = 4_000;

  @TempDir Path directory;

  private final SimpleMeterRegistry registry = new SimpleMeterRegistry();
  private Store store;

  @BeforeEach
  void open() throws StorageException {
    store = new Store(directory);
    store.manager.close();
    store.manager =
        TenantManager.open(store.config, store.objects, Store.CLOCK, registry, WalKeepers.NONE);
  }

  @AfterEach
  void close() {
    store.close();
  }

  private static Lsn lsn(long record) {
    return Store.START.plus(8 * record);
  }

  /** A page that says which record it is of. */
  private static byte[] page(long record) {
    ByteBuffer page = ByteBuffer.allocate(Page.SIZE_BYTES);
    while (page.hasRemaining()) {
      page.putLong(record);
    }
    return page.array();
  }

  private static void write(Timeline timeline, long record, int block) throws StorageException {
    byte[] value = ByteBuffer.allocate(1 + Page.SIZE_BYTES).put(1, page(record)).array();
    timeline.writer().put(Store.block(block), lsn(record), value, 0, value.length);
    timeline.writer().finishRecord(lsn(record - 1), lsn(record));
  }

  private static byte[] read(Timeline timeline, int block, Lsn lsn) throws StorageException {
    List<byte[]> found = new ArrayList<>();
    timeline.getCachedPages(
        List.of(Store.block(block)),
        lsn,
        false,
        CachedReadsTest::newPage,
        (_, _, page) -> found.add(page));
    return found.getFirst();
  }

  private double hits() {
    return registry.get("coppice_pageserver_page_cache_hits").counter().count();
  }

  private static byte[] newPage() {
    return new byte[Page.SIZE_BYTES];
  }

  @Test
  void branchesShareWhatTheyHaveInCommon() throws Exception {
    Timeline root = store.importEmpty();
    write(root, 1, 1);
    write(root, 2, 1);
    write(root, 3, 2);
    Timeline early = store.branch("early", new TimelineId(3, 1), root, lsn(1));
    Timeline child = store.branch("child", new TimelineId(3, 2), root, lsn(3));
    Timeline grandchild = store.branch("grandchild", new TimelineId(3, 3), child, lsn(3));
    assertThat(read(root, 1, lsn(3))).isEqualTo(page(2));
    assertThat(hits()).isZero();
    assertThat(read(child, 1, lsn(3))).isEqualTo(page(2));
    assertThat(read(grandchild, 1, lsn(3))).isEqualTo(page(2));
    assertThat(hits()).isEqualTo(2);
    // Another version: not the same entry, and it does not drive the other one out.
    assertThat(read(early, 1, lsn(1))).isEqualTo(page(1));
    assertThat(hits()).isEqualTo(2);
    assertThat(read(root, 1, lsn(2))).isEqualTo(page(2));
    assertThat(read(early, 1, lsn(1))).isEqualTo(page(1));
    assertThat(hits()).isEqualTo(4);
    // What a branch changes is its own.
    write(child, 4, 1);
    assertThat(read(child, 1, lsn(4))).isEqualTo(page(4));
    assertThat(read(grandchild, 1, lsn(3))).isEqualTo(page(2));
    assertThat(read(root, 1, lsn(3))).isEqualTo(page(2));
    assertThat(hits()).isEqualTo(6);
  }

  @Test
  void asksOnlyForWhatIsNewer() throws Exception {
    Timeline root = store.importEmpty();
    write(root, 1, 1);
    assertThat(read(root, 1, lsn(1))).isEqualTo(page(1));
    write(root, 2, 2);
    root.flush(10_000);
    write(root, 3, 3);
    assertThat(read(root, 1, lsn(3))).isEqualTo(page(1));
    assertThat(hits()).isEqualTo(1);
    write(root, 4, 1);
    assertThat(read(root, 1, lsn(4))).isEqualTo(page(4));
    assertThat(read(root, 1, lsn(3))).isEqualTo(page(1));
    // The older page is still there, for the LSNs at which it was the newest.
    assertThat(hits()).isEqualTo(2);
  }

  @Test
  void pagesHaveChecksumsIfTheyAreWanted() throws Exception {
    Timeline root = store.importEmpty();
    write(root, 1, 7);
    byte[] expected = page(1);
    PageChecksum.set(expected, 7);
    for (int i = 0; i < 2; i++) {
      root.getCachedPages(
          List.of(Store.block(7)),
          lsn(1),
          true,
          CachedReadsTest::newPage,
          (_, _, page) -> assertThat(page).isEqualTo(expected));
      assertThat(read(root, 7, lsn(1))).isEqualTo(page(1));
    }
  }

  /** Record n changes block n modulo BLOCKS: so one knows what every read must find. */
  private void readSome(Timeline timeline, RandomGenerator random) throws StorageException {
    long last = timeline.lastRecordLsn().minus(Store.START) / 8;
    long at = random.nextInt(4) != 0 ? last : random.nextLong(last + 1);
    List<Key> keys = new ArrayList<>();
    for (int i = 0; i < 1 + random.nextInt(40); i++) {
      keys.add(Store.block(random.nextInt(BLOCKS)));
    }
    timeline.getCachedPages(
        keys,
        lsn(at),
        false,
        CachedReadsTest::newPage,
        (index, key, page) -> {
          assertThat(key).isEqualTo(keys.get(index));
          long expected = at - Math.floorMod(at - key.field6(), (long) BLOCKS);
          assertThat(page).isEqualTo(expected <= 0 ? null : page(expected));
        });
  }

  @Test
  void areRightWhileLayersComeAndGo() throws Exception {
    Timeline root = store.importEmpty();
    AtomicBoolean written = new AtomicBoolean();
    List<Future<?>> readers = new ArrayList<>();
    try (ExecutorService threads = Executors.newCachedThreadPool()) {
      for (int i = 0; i < 3; i++) {
        RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(i);
        readers.add(
            threads.submit(() -> {
              while (!written.get()) {
                readSome(root, random);
              }
              return null;
            }));
      }
      try {
        for (long record = 1; record <= RECORDS; record++) {
          write(root, record, (int) (record % BLOCKS));
          if (record % 1_000 == 0) {
            root.flush(60_000);
          }
        }
      } finally {
        written.set(true);
      }
      for (Future<?> reader : readers) {
        reader.get();
      }
    }
    assertThat(hits()).isPositive();
    readSome(root, RandomGeneratorFactory.of("L64X128MixRandom").create(7));
  }
}
