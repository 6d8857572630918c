package io.coppice.pageserver.layer;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.key.Key;
import io.coppice.testsupport.Seeded;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class LayerMapTest {
  private static final TenantTimelineId OWNER =
      new TenantTimelineId(new TenantId(1, 2), new TimelineId(3, 4));
  private static final int KEYS = 64;
  private static final int EPOCH = 100;
  private final LayerEnvironment environment = new LayerEnvironment(1 << 20);
  private final List<LayerHandle> all = new ArrayList<>();

  @AfterEach
  void close() {
    environment.close();
  }

  private static final class NoFiles implements LayerFiles {
    @Override
    public boolean isResident(LayerDescriptor layer) {
      return false;
    }

    @Override
    public Path fetch(LayerDescriptor layer) {
      throw new IllegalStateException("not to be read");
    }

    @Override
    public Path fetchAgain(LayerDescriptor layer) {
      throw new IllegalStateException("not to be read");
    }

    @Override
    public void evict(LayerDescriptor layer) {}
  }

  private static Key key(int number) {
    return new Key(0, 0, 0, 1, 0, number);
  }

  private void add(LayerName name, int level) {
    all.add(
        new LayerHandle(environment, new NoFiles(), OWNER, new LayerDescriptor(name, level, 1, 0)));
  }

  private static LayerName delta(int from, int to, long lsnFrom, long lsnTo) {
    return new LayerName(LayerKind.DELTA, key(from), key(to), new Lsn(lsnFrom), new Lsn(lsnTo), 1);
  }

  /** Layers as flushes and compactions leave them: old epochs cut by key, some with images. */
  private void build(RandomGenerator random) {
    int epochs = 8;
    for (int epoch = 1; epoch <= epochs; epoch++) {
      long from = (long) epoch * EPOCH;
      if (epoch > 5) {
        int first = random.nextInt(KEYS / 2);
        add(delta(first, first + 1 + random.nextInt(KEYS / 2), from, from + EPOCH), 0);
        continue;
      }
      int at = 0;
      while (at < KEYS) {
        int to = Math.min(KEYS, at + 1 + random.nextInt(20));
        if (random.nextInt(4) != 0) {
          add(delta(at, to, from, from + EPOCH), 1);
        }
        if (random.nextInt(3) == 0) {
          add(LayerName.image(key(at), key(to), new Lsn(from + random.nextInt(EPOCH)), 1), 1);
        }
        at = to;
      }
    }
    Collections.shuffle(all, random);
  }

  private @Nullable LayerHandle expectedImage(Key key, Lsn lsn) {
    return all.stream()
        .filter(l -> l.name().kind() == LayerKind.IMAGE && l.name().covers(key))
        .filter(l -> l.name().lsnFrom().isAtOrBefore(lsn))
        .max(Comparator.comparing(l -> l.name().lsnFrom()))
        .orElse(null);
  }

  private List<LayerHandle> expectedDeltas(Key key, Lsn lsn, Lsn floor) {
    return all.stream()
        .filter(l -> l.name().kind() == LayerKind.DELTA && l.name().covers(key))
        .filter(l -> l.name().lsnFrom().isAtOrBefore(lsn))
        .filter(l -> l.name().lsnTo().isAfter(floor.plus(1)))
        .sorted(Comparator.comparing((LayerHandle l) -> l.name().lsnTo()).reversed())
        .toList();
  }

  @Seeded(tries = 40)
  void findsWhatASearchOfAllLayersFinds(long seed) throws Exception {
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
    build(random);
    int first = random.nextInt(all.size());
    LayerMap map = new LayerMap(all.subList(0, first));
    for (LayerHandle layer : all.subList(first, all.size())) {
      map = map.with(layer);
    }
    assertThat(map.layers()).containsExactlyInAnyOrderElementsOf(all);
    for (int i = 0; i < 300; i++) {
      Key key = key(random.nextInt(KEYS + 2));
      Lsn lsn = new Lsn(1 + random.nextInt(10 * EPOCH));
      LayerHandle image = map.newestImage(key, lsn);
      assertThat(image).isSameAs(expectedImage(key, lsn));
      Lsn floor = image == null ? Lsn.INVALID : image.name().lsnFrom();
      List<LayerHandle> visited = new ArrayList<>();
      map.visitDeltas(key, lsn, floor, visited::add);
      visited.removeIf(layer -> !layer.name().covers(key));
      assertThat(visited).isEqualTo(expectedDeltas(key, lsn, floor));
    }
    checkOverlaps(map, random);
  }

  private void checkOverlaps(LayerMap map, RandomGenerator random) {
    for (int i = 0; i < 100; i++) {
      int from = random.nextInt(KEYS);
      Key keyFrom = key(from);
      Key keyTo = key(from + 1 + random.nextInt(KEYS));
      Lsn lsn = new Lsn(1 + random.nextInt(10 * EPOCH));
      List<LayerHandle> found = map.overlapping(keyFrom, keyTo, lsn);
      assertThat(found).doesNotHaveDuplicates();
      assertThat(found)
          .allMatch(l -> l.name().overlaps(keyFrom, keyTo))
          .allMatch(l -> l.name().lsnFrom().isAtOrBefore(lsn));
      // All that a single key of the range needs is there.
      for (int k = from; key(k).compareTo(keyTo) < 0; k++) {
        LayerHandle image = map.newestImage(key(k), lsn);
        if (image != null) {
          assertThat(found).contains(image);
        }
        assertThat(found).containsAll(expectedDeltas(key(k), lsn, Lsn.INVALID));
      }
    }
  }

  /** A hundred thousand layers as compactions and image creation leave them. */
  @Test
  void visitsNoMoreLayersWhereThereAreManyMore() throws Exception {
    int columns = 100;
    int epochs = 1_000;
    int epochsBetweenImages = 4;
    for (int epoch = 1; epoch <= epochs; epoch++) {
      for (int column = 0; column < columns; column++) {
        int from = 1_000 * column;
        add(delta(from, from + 1_000, (long) epoch * EPOCH, (long) (epoch + 1) * EPOCH), 1);
        if ((epoch + column) % epochsBetweenImages == 0) {
          Lsn end = new Lsn((long) (epoch + 1) * EPOCH - 1);
          add(LayerName.image(key(from), key(from + 1_000), end, 1), 1);
        }
      }
    }
    assertThat(all).hasSizeGreaterThan(100_000);
    LayerMap map = new LayerMap(all);
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(7);
    int visitedMax = 0;
    for (int i = 0; i < 20_000; i++) {
      Key key = key(random.nextInt(1_000 * columns));
      Lsn lsn = new Lsn(5 * EPOCH + random.nextInt(epochs * EPOCH));
      LayerHandle image = requireNonNull(map.newestImage(key, lsn));
      List<LayerHandle> visited = new ArrayList<>();
      map.visitDeltas(key, lsn, image.name().lsnFrom(), visited::add);
      visitedMax = Math.max(visitedMax, visited.size());
    }
    assertThat(visitedMax).isEqualTo(epochsBetweenImages);
    assertThat(map.columnLayerCount()).isEqualTo(all.size());
  }
}
