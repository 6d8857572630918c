package io.coppice.common.key;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.id.RelationTag;
import io.coppice.testsupport.Seeded;
import java.util.Arrays;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.junit.jupiter.api.Test;

class KeyTest {

  @Seeded(tries = 500)
  void ordersAsItsBytes(long seed) {
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
    Key a = anyKey(random);
    Key b = random.nextBoolean() ? anyKey(random) : a.next();
    assertThat(Integer.signum(a.compareTo(b)))
        .isEqualTo(Integer.signum(Arrays.compareUnsigned(encoded(a), encoded(b))));
    assertThat(Key.read(encoded(a), 0)).isEqualTo(a);
  }

  @Seeded(tries = 200)
  void nextIsTheSmallestAbove(long seed) {
    Key key = anyKey(RandomGeneratorFactory.of("L64X128MixRandom").create(seed));
    byte[] incremented = encoded(key);
    for (int i = incremented.length - 1; i >= 0 && ++incremented[i] == 0; i--) {}
    assertThat(encoded(key.next())).isEqualTo(incremented);
  }

  @Test
  void sizeSortsBehindTheLastBlock() {
    RelationTag tag = new RelationTag(1663, 5, 16384, 0);
    assertThat(Key.relationSize(tag)).isGreaterThan(Key.relationBlock(tag, 0xFFFF_FFFE));
    assertThat(Key.relationSize(tag).isRelationBlock()).isFalse();
    assertThat(Key.relationBlock(tag, 7).isRelationBlock()).isTrue();
  }

  private static Key anyKey(RandomGenerator random) {
    return new Key(
        random.nextInt(255),
        edge(random),
        edge(random),
        edge(random),
        random.nextInt(256),
        edge(random));
  }

  private static int edge(RandomGenerator random) {
    return switch (random.nextInt(4)) {
      case 0 -> -1;
      case 1 -> 0;
      default -> random.nextInt();
    };
  }

  private static byte[] encoded(Key key) {
    byte[] bytes = new byte[Key.SIZE_BYTES];
    key.write(bytes, 0);
    return bytes;
  }
}
