package io.coppice.common.id;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.testsupport.Seeded;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LsnTest {

  @Seeded(tries = 200)
  void readsWhatItWrites(long seed) {
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
    Lsn lsn = new Lsn(random.nextLong() >>> random.nextInt(64));
    assertThat(Lsn.parse(lsn.toString())).isEqualTo(lsn);
    assertThat(Lsn.parse(lsn.toString().toLowerCase(java.util.Locale.ROOT))).isEqualTo(lsn);
  }

  @Seeded(tries = 200)
  void ordersAsUnsigned(long seed) {
    RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
    Lsn a = new Lsn(random.nextLong());
    Lsn b = new Lsn(random.nextLong());
    assertThat(a.isBefore(b)).isEqualTo(Long.compareUnsigned(a.value(), b.value()) < 0);
    assertThat(Lsn.max(a, b)).isEqualTo(a.isBefore(b) ? b : a);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "/",
        "0/",
        "/0",
        "0",
        "0/123456789",
        "123456789/0",
        "x/0",
        "0/-1",
        "0/ 1",
        "٣/0"
      })
  void refusesWhatIsNoLsn(String text) {
    assertThatThrownBy(() -> Lsn.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("not an LSN");
  }
}
