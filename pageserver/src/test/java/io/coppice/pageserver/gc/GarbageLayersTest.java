package io.coppice.pageserver.gc;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.id.Lsn;
import io.coppice.common.key.Key;
import io.coppice.pageserver.layer.LayerDescriptor;
import io.coppice.pageserver.layer.LayerKind;
import io.coppice.pageserver.layer.LayerName;
import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

final class GarbageLayersTest {

  private static Key key(int number) {
    return new Key(0, 0, 0, 0, 0, number);
  }

  private static LayerName image(int from, int to, long lsn) {
    return LayerName.image(key(from), key(to), new Lsn(lsn), 1);
  }

  /** Values from one LSN to another, inclusive. */
  private static LayerName delta(int from, int to, long first, long last) {
    return new LayerName(LayerKind.DELTA, key(from), key(to), new Lsn(first), new Lsn(last + 1), 1);
  }

  /** All from one LSN on, and some before. */
  private static LsnRanges needed(long from, long... points) {
    List<LsnRanges> parts =
        LongStream.of(points)
            .mapToObj(point -> LsnRanges.startingAt(new Lsn(point)).cappedAt(new Lsn(point)))
            .toList();
    return LsnRanges.union(List.of(LsnRanges.startingAt(new Lsn(from)), LsnRanges.union(parts)));
  }

  private static GarbageLayers of(LayerName... layers) {
    return new GarbageLayers(
        Arrays.stream(layers).map(name -> new LayerDescriptor(name, 1, 1, 0)).toList());
  }

  @Test
  void dropsADeltaBelowAnImageAtTheCutoff() {
    LayerName delta = delta(2, 8, 10, 20);
    GarbageLayers layers = of(delta, image(0, 10, 20));
    assertThat(layers.isGarbage(delta, needed(20))).isTrue();
    assertThat(layers.isGarbage(delta, needed(25))).isTrue();
    assertThat(layers.isGarbage(delta, needed(19))).isFalse();
  }

  @Test
  void keepsADeltaThatHasMoreThanTheImage() {
    LayerName delta = delta(2, 8, 10, 21);
    assertThat(of(delta, image(0, 10, 20)).isGarbage(delta, needed(30))).isFalse();
    assertThat(of(delta, image(0, 10, 20), image(0, 10, 21)).isGarbage(delta, needed(30))).isTrue();
  }

  @Test
  void keepsWhatABranchPointNeeds() {
    LayerName delta = delta(2, 8, 10, 20);
    GarbageLayers layers = of(delta, image(0, 10, 30));
    assertThat(layers.isGarbage(delta, needed(30, 9))).isTrue();
    assertThat(layers.isGarbage(delta, needed(30, 10))).isFalse();
    assertThat(layers.isGarbage(delta, needed(30, 29))).isFalse();
    assertThat(layers.isGarbage(delta, needed(40, 30))).isTrue();
  }

  @Test
  void keepsWhatIsNotCoveredToItsLastKey() {
    LayerName delta = delta(2, 8, 10, 20);
    assertThat(of(delta, image(2, 5, 20), image(5, 8, 20)).isGarbage(delta, needed(20))).isTrue();
    assertThat(of(delta, image(2, 5, 20), image(5, 7, 20)).isGarbage(delta, needed(20))).isFalse();
    assertThat(of(delta, image(3, 8, 20)).isGarbage(delta, needed(20))).isFalse();
    assertThat(of(delta, image(2, 4, 20), image(5, 8, 20)).isGarbage(delta, needed(20))).isFalse();
    assertThat(of(delta, image(2, 5, 20), image(5, 8, 30)).isGarbage(delta, needed(20))).isFalse();
    assertThat(of(delta, image(2, 5, 20), image(5, 8, 30)).isGarbage(delta, needed(30))).isTrue();
    assertThat(of(delta).isGarbage(delta, needed(20))).isFalse();
    assertThat(of(delta, image(20, 30, 20)).isGarbage(delta, needed(20))).isFalse();
    assertThat(of(delta, image(0, 1, 20)).isGarbage(delta, needed(20))).isFalse();
  }

  @Test
  void dropsAnImageBelowANewerOneOnly() {
    LayerName image = image(0, 10, 20);
    assertThat(of(image).isGarbage(image, needed(50))).isFalse();
    assertThat(of(image, image(0, 10, 40)).isGarbage(image, needed(40))).isTrue();
    assertThat(of(image, image(0, 10, 40)).isGarbage(image, needed(39))).isFalse();
    assertThat(of(image, image(0, 10, 40)).isGarbage(image, needed(40, 20))).isFalse();
    assertThat(of(image, image(0, 10, 40)).isGarbage(image, needed(40, 19))).isTrue();
  }
}
