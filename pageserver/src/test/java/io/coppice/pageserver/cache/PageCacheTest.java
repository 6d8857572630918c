package io.coppice.pageserver.cache;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.key.Key;
import io.coppice.testsupport.Seeded;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** The cache against a history of every page, of which it may have forgotten anything. */
class PageCacheTest {
  private static final RelationTag TABLE = new RelationTag(1663, 5, 16384, 0);
  private static final int SIZE_BYTES = 40 * Stripe.SLOT_SIZE_BYTES;
  private static final int BLOCKS = 30;
  private static final int LSN_MAX = 1_000;

  private final SimpleMeterRegistry registry = new SimpleMeterRegistry();

  private static byte[] page(long content) {
    ByteBuffer page = ByteBuffer.allocate(8192);
    while (page.hasRemaining()) {
      page.putLong(content);
    }
    return page.array();
  }

  private static Key block(int number) {
    return Key.relationBlock(TABLE, number);
  }

  /** When a block of an owner changes; the page says which, and at which LSN. */
  private static final class History {
    private final List<TreeMap<Long, Long>> versions = new ArrayList<>();

    History(int owner, RandomGenerator random) {
      for (int block = 0; block < BLOCKS; block++) {
        TreeMap<Long, Long> changes = new TreeMap<>();
        for (int i = 0; i < 1 + random.nextInt(6); i++) {
          long lsn = 1L + random.nextInt(LSN_MAX);
          changes.put(lsn, (long) owner << 48 | (long) block << 32 | lsn);
        }
        versions.add(changes);
      }
    }

    Map.@Nullable Entry<Long, Long> newest(int block, long lsn) {
      return versions.get(block).floorEntry(lsn);
    }
  }

  @Seeded(tries = 50)
  void isNeverWrongAndNeverTooLarge(long seed) {
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
    PageCache cache = new PageCache(SIZE_BYTES, registry);
    List<PageCache.Owner> owners = new ArrayList<>();
    List<History> histories = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      owners.add(cache.newOwner());
      histories.add(new History(i, random));
    }
    int hits = 0;
    for (int i = 0; i < 5_000; i++) {
      int owner = random.nextInt(owners.size());
      int block = random.nextInt(BLOCKS);
      long lsn = 1L + random.nextInt(LSN_MAX);
      History history = histories.get(owner);
      var _ = cache.touch(owners.get(owner), block(block), true);
      CachedPage found =
          cache.find(owners.get(owner), block(block), true, new Lsn(lsn), PageCacheTest::newPage);
      Map.@Nullable Entry<Long, Long> newest = history.newest(block, lsn);
      if (found != null) {
        long from = found.from().value();
        long to = found.to().value();
        assertThat(from).isLessThanOrEqualTo(Math.min(lsn, to));
        Map.Entry<Long, Long> then = requireNonNull(history.newest(block, from));
        assertThat(found.page()).isEqualTo(page(then.getValue()));
        assertThat(history.newest(block, to)).isEqualTo(then);
        hits += to >= lsn ? 1 : 0;
      }
      if (newest != null) {
        Lsn from = new Lsn(newest.getKey());
        boolean isSame = found != null && found.from().equals(from);
        Lsn replaced = found == null || isSame ? Lsn.INVALID : found.from();
        if (isSame && random.nextBoolean()) {
          cache.extend(owners.get(owner), block(block), true, from, new Lsn(lsn));
        } else {
          cache.put(
              owners.get(owner),
              block(block),
              true,
              from,
              new Lsn(lsn),
              page(newest.getValue()),
              random.nextBoolean() ? replaced : Lsn.INVALID);
        }
      }
      assertThat(cache.sizeBytes()).isLessThanOrEqualTo(SIZE_BYTES);
    }
    assertThat(hits).isPositive();
    assertThat(cache.sizeBytes()).isGreaterThan(SIZE_BYTES / 2);
  }

  private static byte[] newPage() {
    return new byte[8192];
  }

  @Test
  void keepsWhatIsReadAgain() {
    PageCache cache = new PageCache(SIZE_BYTES, registry);
    PageCache.Owner owner = cache.newOwner();
    Lsn lsn = new Lsn(8);
    for (int i = 0; i < 1_000; i++) {
      cache.put(owner, block(i), false, lsn, lsn, page(i), Lsn.INVALID);
      assertThat(cache.find(owner, block(0), false, lsn, PageCacheTest::newPage)).isNotNull();
    }
  }

  @Test
  void findsTheNewestOfSeveral() {
    PageCache cache = new PageCache(SIZE_BYTES, registry);
    PageCache.Owner owner = cache.newOwner();
    for (long lsn : new long[] {16, 24, 8}) {
      cache.put(owner, block(1), false, new Lsn(lsn), new Lsn(lsn), page(lsn), Lsn.INVALID);
    }
    for (long lsn : new long[] {8, 16, 24}) {
      CachedPage found =
          cache.find(owner, block(1), false, new Lsn(lsn + 7), PageCacheTest::newPage);
      assertThat(requireNonNull(found).page()).isEqualTo(page(lsn));
    }
  }

  @Test
  void tellsOwnersAndChecksumsApart() {
    PageCache cache = new PageCache(SIZE_BYTES, registry);
    PageCache.Owner owner = cache.newOwner();
    Lsn lsn = new Lsn(8);
    cache.put(owner, block(1), true, lsn, lsn, page(1), Lsn.INVALID);
    assertThat(cache.find(owner, block(1), true, lsn, PageCacheTest::newPage)).isNotNull();
    assertThat(cache.touch(owner, block(1), true)).isPositive();
    assertThat(cache.find(owner, block(1), false, lsn, PageCacheTest::newPage)).isNull();
    assertThat(cache.find(cache.newOwner(), block(1), true, lsn, PageCacheTest::newPage)).isNull();
    assertThat(cache.find(owner, block(1), true, new Lsn(7), PageCacheTest::newPage)).isNull();
  }

  @Test
  void givesACopy() {
    PageCache cache = new PageCache(SIZE_BYTES, registry);
    PageCache.Owner owner = cache.newOwner();
    Lsn lsn = new Lsn(8);
    byte[] page = page(1);
    cache.put(owner, block(1), false, lsn, lsn, page, Lsn.INVALID);
    page[0] = 7;
    byte[] first =
        requireNonNull(cache.find(owner, block(1), false, lsn, PageCacheTest::newPage)).page();
    assertThat(first).isEqualTo(page(1));
    first[1] = 7;
    assertThat(
            requireNonNull(cache.find(owner, block(1), false, lsn, PageCacheTest::newPage)).page())
        .isEqualTo(page(1));
  }

  @Test
  void keepsNothingIfItHasNoRoom() {
    PageCache cache = new PageCache(0, registry);
    PageCache.Owner owner = cache.newOwner();
    Lsn lsn = new Lsn(8);
    cache.put(owner, block(1), false, lsn, lsn, page(1), Lsn.INVALID);
    cache.extend(owner, block(1), false, lsn, lsn.plus(1));
    assertThat(cache.touch(owner, block(1), false)).isZero();
    assertThat(cache.find(owner, block(1), false, lsn, PageCacheTest::newPage)).isNull();
    assertThat(cache.sizeBytes()).isZero();
  }
}
