package io.coppice.it;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** The judge of the kill test sees each kind of damage. */
final class LedgerTest {
  private static final Set<Long> ACKNOWLEDGED = Set.of(1L, 2L);
  private static final Set<Long> UNKNOWN = Set.of(3L, 4L);

  @Test
  void whatIsInDoubtMayBeThereOrNot() {
    Ledger.assertComplete(ACKNOWLEDGED, UNKNOWN, Map.of(1L, 2, 2L, 2, 4L, 2));
  }

  @Test
  void seesALostCommit() {
    assertThatThrownBy(() -> Ledger.assertComplete(ACKNOWLEDGED, UNKNOWN, Map.of(1L, 2)))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("lost");
  }

  @Test
  void seesHalfATransactionAndARowThatIsThereTwice() {
    for (int rows : new int[] {1, 3}) {
      assertThatThrownBy(
              () -> Ledger.assertComplete(ACKNOWLEDGED, UNKNOWN, Map.of(1L, 2, 2L, 2, 3L, rows)))
          .isInstanceOf(AssertionError.class)
          .hasMessageContaining("in part or twice");
    }
  }

  @Test
  void seesARowThatNobodySent() {
    assertThatThrownBy(
            () -> Ledger.assertComplete(ACKNOWLEDGED, UNKNOWN, Map.of(1L, 2, 2L, 2, 9L, 2)))
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("nobody sent");
  }
}
