package io.coppice.safekeeper.consensus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class WalRemovalTest {
  private static final int SEGMENT = 1 << 20;
  private static final Lsn START = new Lsn(2 * SEGMENT + 4096);
  private static final TimelineProperties PROPERTIES =
      new TimelineProperties(
          new TenantTimelineId(new TenantId(1, 2), new TimelineId(3, 4)), 15, 42, SEGMENT, START);

  private static Lsn segment(double number) {
    return new Lsn((long) (number * SEGMENT));
  }

  private static AcceptorState state(Lsn commit, Lsn truncate, Lsn backup, Lsn pageServer) {
    return new AcceptorState(
        PROPERTIES,
        0,
        1,
        TermHistory.EMPTY,
        commit,
        truncate,
        new Retention(START, backup, pageServer));
  }

  @Test
  void keepsWhatAnyOfTheFourPositionsNeeds() {
    Lsn far = segment(9.5);
    Lsn near = segment(5.25);
    assertThat(WalRemoval.keepFrom(state(near, far, far, far))).isEqualTo(segment(5));
    assertThat(WalRemoval.keepFrom(state(far, near, far, far))).isEqualTo(segment(5));
    assertThat(WalRemoval.keepFrom(state(far, far, near, far))).isEqualTo(segment(5));
    assertThat(WalRemoval.keepFrom(state(far, far, far, near))).isEqualTo(segment(5));
    assertThat(WalRemoval.keepFrom(state(far, far, far, far))).isEqualTo(segment(9));
  }

  @Test
  void removesWholeSegmentsOnly() {
    Lsn end = segment(6);
    assertThat(WalRemoval.keepFrom(state(end, end, end, end))).isEqualTo(end);
    Lsn before = end.plus(-1);
    assertThat(WalRemoval.keepFrom(state(before, before, before, before))).isEqualTo(segment(5));
  }

  @Test
  void removesNothingBeforeAPageServerHasReported() {
    Lsn far = segment(9);
    assertThat(WalRemoval.keepFrom(state(far, far, far, Lsn.INVALID))).isEqualTo(START);
  }

  @Test
  void keepsTheSegmentInWhichTheTimelineStarts() {
    Lsn inFirst = START.plus(100);
    assertThat(WalRemoval.keepFrom(state(inFirst, inFirst, inFirst, inFirst))).isEqualTo(START);
  }

  @Test
  void neverClaimsToHaveLessInTheObjectStoreThanWasRemoved() {
    assertThatThrownBy(() -> new Retention(segment(4), segment(3), Lsn.INVALID))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void writesDownWhereWalBeginsBeforeItSaysSo() throws Exception {
    List<AcceptorState> written = new ArrayList<>();
    AcceptorState stored = state(segment(6.5), segment(6.5), START, Lsn.INVALID);
    MemoryWal wal = new MemoryWal(segment(6.5));
    Acceptor acceptor =
        new Acceptor(new NodeId(1), stored.withTerm(2), next -> written.add(next), wal);

    acceptor.backedUp(segment(6));
    acceptor.pageServerHas(segment(5));
    assertThat(acceptor.giveUpOldWal()).isEqualTo(segment(5));

    assertThat(written.getLast().retention().localStartLsn()).isEqualTo(segment(5));
    assertThat(acceptor.state().retention())
        .isEqualTo(new Retention(segment(5), segment(6), segment(5)));
  }

  @Test
  void takesOverWhatAnyPeerKnowsButBeginsWhereItsDonorDoes() throws Exception {
    AcceptorState donor = state(segment(8), segment(7), segment(6), segment(5)).withTerm(3);
    AcceptorState other =
        state(segment(8), segment(7), segment(7), segment(7)).withLocalStart(segment(6));
    RebuildPlan plan =
        RebuildPlan.of(
            2,
            List.of(
                new RebuildPlan.Peer(new NodeId(1), donor.withLocalStart(segment(4)), segment(8.5)),
                new RebuildPlan.Peer(new NodeId(2), other, segment(8))));
    assertThat(plan.state().retention())
        .isEqualTo(new Retention(segment(4), segment(7), segment(7)));
  }
}
