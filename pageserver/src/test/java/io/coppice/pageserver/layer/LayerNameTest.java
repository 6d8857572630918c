package io.coppice.pageserver.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.key.Key;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LayerNameTest {
  private static final String DELTA =
      "000000067F00000005000040000000000007-000000067F00000005000040000000000009"
          + "__0000000001000001-00000000010000FF-0000000a";

  @Test
  void readsWhatItWrites() {
    LayerName name = LayerName.parse(DELTA);
    assertThat(name)
        .hasToString(DELTA)
        .isEqualTo(
            new LayerName(
                LayerKind.DELTA,
                Key.relationBlock(new RelationTag(1663, 5, 16384, 0), 7),
                Key.relationBlock(new RelationTag(1663, 5, 16384, 0), 9),
                new Lsn(0x1000001),
                new Lsn(0x10000FF),
                10));
    LayerName image = LayerName.image(Key.MIN, Key.MAX, new Lsn(5), 1);
    assertThat(LayerName.parse(image.toString())).isEqualTo(image);
    for (LayerName layer : List.of(name, image)) {
      LayerName another = layer.withNumber(0x1F);
      assertThat(another).isNotEqualTo(layer).hasToString(layer + "-0000001f");
      assertThat(LayerName.parse(another.toString())).isEqualTo(another);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "index.json-00000001",
        "../../../../../../../../../../../../etc/passwd",
        "000000067F00000005000040000000000007-000000067F00000005000040000000000007"
            + "__0000000001000001-00000000010000FF-0000000a",
        "000000067F00000005000040000000000007-000000067F00000005000040000000000009"
            + "__0000000001000001-00000000010000FF-0000000A",
        "000000067F00000005000040000000000007-000000067F00000005000040000000000009"
            + "__0000000001000001+00000000010000FF-0000000a",
        "000000067F00000005000040000000000007-000000067F00000005000040000000000009"
            + "__0000000001000001-00000000010000FF-0000000a-00000000"
      })
  void refusesWhatIsNoName(String text) {
    assertThatThrownBy(() -> LayerName.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("not a layer's name");
  }
}
