package io.coppice.common.id;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TimelineIdTest {

  @Test
  void readsWhatItWrites() {
    String text = "00ff0123456789abcdef0123456789ab";
    assertThat(TimelineId.parse(text)).hasToString(text);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "../../../../etc/passwd",
        "00ff0123456789abcdef0123456789a",
        "00ff0123456789abcdef0123456789abc",
        "00ff0123456789abcdef0123456789a/",
        "-0ff0123456789abcdef0123456789ab"
      })
  void refusesWhatIsNotExactly32Digits(String text) {
    assertThatThrownBy(() -> TimelineId.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("32 hexadecimal digits");
  }
}
