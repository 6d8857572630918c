package io.coppice.safekeeper.consensus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.id.Lsn;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class TermHistoryTest {

  @Test
  void sharesTheShorterLogOfTheSameTerm() {
    assertThat(history(1, 100).commonPoint(history(1, 100), lsn(150))).isEqualTo(lsn(150));
  }

  @Test
  void partsWhereTheLeadersNextTermBegins() {
    assertThat(history(1, 100, 3, 140).commonPoint(history(1, 100), lsn(150))).isEqualTo(lsn(140));
  }

  @Test
  void partsWhereTheFollowersOwnTermBegan() {
    assertThat(history(1, 100, 3, 140).commonPoint(history(1, 100, 2, 120), lsn(150)))
        .isEqualTo(lsn(120));
  }

  @Test
  void isNotMisledByAFollowersHistoryThatRunsAheadOfItsLog() {
    assertThat(history(1, 100, 3, 140).commonPoint(history(1, 100, 2, 130), lsn(110)))
        .isEqualTo(lsn(110));
  }

  @Test
  void beginsAnewWhereNothingIsShared() {
    assertThat(history(3, 100).commonPoint(TermHistory.EMPTY, lsn(100))).isEqualTo(lsn(100));
    assertThat(history(3, 100).commonPoint(history(2, 100), lsn(170))).isEqualTo(lsn(100));
  }

  @Test
  void countsATermFromItsVeryStart() {
    TermHistory history = history(1, 100, 4, 140);
    assertThat(history.lastTermAt(lsn(139))).isEqualTo(1);
    assertThat(history.lastTermAt(lsn(140))).isEqualTo(4);
    assertThat(history.lastTermAt(lsn(99))).isZero();
    assertThat(history.upTo(lsn(139))).isEqualTo(history(1, 100));
  }

  @Test
  void refusesTermsAndPositionsOutOfOrder() {
    assertThatThrownBy(() -> history(2, 100, 2, 110)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> history(2, 100, 3, 90)).isInstanceOf(IllegalArgumentException.class);
  }

  static TermHistory history(long... termsAndStarts) {
    List<TermSwitch> entries = new ArrayList<>();
    for (int i = 0; i < termsAndStarts.length; i += 2) {
      entries.add(new TermSwitch(termsAndStarts[i], lsn(termsAndStarts[i + 1])));
    }
    return new TermHistory(entries);
  }

  private static Lsn lsn(long value) {
    return new Lsn(value);
  }
}
