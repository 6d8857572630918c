package io.coppice.pageserver.remote;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.id.Lsn;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class HistoryHoldTest {
  private static final Instant NOON = Instant.parse("2026-11-21T12:00:00Z");

  private static LsnLease lease(long lsn, int minutes) {
    return new LsnLease(new Lsn(lsn), NOON.plusSeconds(60L * minutes));
  }

  @Test
  void keepsLeasesInOrderAndDropsThoseThatAreOver() {
    HistoryHold hold =
        HistoryHold.NONE
            .leased(lease(300, 10), NOON)
            .leased(lease(100, 5), NOON)
            .leased(lease(200, 20), NOON);
    assertThat(hold.leases()).containsExactly(lease(100, 5), lease(200, 20), lease(300, 10));
    Instant later = NOON.plusSeconds(600);
    assertThat(hold.oldestLease(NOON)).hasValue(new Lsn(100));
    assertThat(hold.oldestLease(later)).hasValue(new Lsn(200));
    assertThat(hold.leased(lease(400, 30), later).leases())
        .containsExactly(lease(200, 20), lease(400, 30));
  }

  @Test
  void onlyExtendsALease() {
    HistoryHold hold = HistoryHold.NONE.leased(lease(100, 10), NOON);
    assertThat(hold.leased(lease(100, 5), NOON)).isEqualTo(hold);
    assertThat(hold.leased(lease(100, 15), NOON).leases()).containsExactly(lease(100, 15));
  }

  @Test
  void releasesOne() {
    HistoryHold hold =
        HistoryHold.NONE
            .withGcBlock(Optional.of("why"))
            .leased(lease(100, 10), NOON)
            .leased(lease(200, 10), NOON)
            .released(new Lsn(100), NOON);
    assertThat(hold.leases()).containsExactly(lease(200, 10));
    assertThat(hold.gcBlock()).hasValue("why");
  }
}
