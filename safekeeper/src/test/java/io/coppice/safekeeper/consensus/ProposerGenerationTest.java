package io.coppice.safekeeper.consensus;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A leader whose safekeepers tell of a rebuild: three members, of which 0 and 1 elected it. */
final class ProposerGenerationTest {
  private static final Lsn START = new Lsn(1 << 24);
  private static final TimelineProperties PROPERTIES =
      new TimelineProperties(
          new TenantTimelineId(new TenantId(1, 1), new TimelineId(2, 2)), 15, 42, 1 << 24, START);
  private static final TermHistory OLD = history(new TermSwitch(1, START));

  private record Sent(int to, Request request) {}

  private final List<Sent> sent = new ArrayList<>();
  private final Proposer proposer =
      new Proposer(PROPERTIES, 0, 3, (member, request) -> sent.add(new Sent(member, request)));

  private static TermHistory history(TermSwitch... entries) {
    return new TermHistory(List.of(entries));
  }

  private static Lsn at(int offset) {
    return START.plus(offset);
  }

  private static Reply.Vote vote(int generation, long term, Lsn flushLsn, TermHistory history) {
    return new Reply.Vote(generation, term, true, flushLsn, START, START, history);
  }

  private void greet(int member, int generation) throws StorageException {
    proposer.connected(member);
    answer(member, generation);
  }

  /** To a greeting. */
  private void answer(int member, int generation) throws StorageException {
    proposer.handle(member, new Reply.Greeted(generation, new NodeId(member + 1), 1));
  }

  private static Request greeting(int generation, long term) {
    return new Request.Greeting(generation, term, PROPERTIES, false);
  }

  /** Leads in term 2 from 100 on with members 0 and 1, and has written up to 300. */
  private void lead() throws StorageException {
    greet(0, 0);
    greet(1, 0);
    proposer.handle(0, vote(0, 2, at(100), OLD));
    proposer.handle(1, vote(0, 2, at(40), OLD));
    assertThat(proposer.term()).isEqualTo(2);
    for (int member = 0; member < 2; member++) {
      proposer.handle(member, new Reply.Following(0, 2, member == 0 ? at(100) : at(40)));
      proposer.handle(member, acknowledged(0, 2, 100));
    }
    proposer.extended(at(300));
    sent.clear();
  }

  private static Reply acknowledged(int generation, long term, int offset) {
    return new Reply.Appended(generation, term, at(offset), at(offset), START);
  }

  private TermHistory led() {
    return OLD.with(new TermSwitch(2, at(100)));
  }

  private void commit(int offset) throws StorageException {
    proposer.handle(0, acknowledged(0, 2, offset));
    proposer.handle(1, acknowledged(0, 2, offset));
    assertThat(proposer.commitLsn()).isEqualTo(at(offset));
  }

  @Test
  void saysCreateOnlyUntilTold() {
    proposer.startCreating();
    proposer.connected(0);
    proposer.stopCreating();
    proposer.connected(1);
    assertThat(sent)
        .extracting(Sent::request)
        .containsExactly(
            new Request.Greeting(0, 0, PROPERTIES, true),
            new Request.Greeting(0, 0, PROPERTIES, false));
  }

  @Test
  void campaignsInANewTermOfTheNewGeneration() throws Exception {
    lead();
    proposer.handle(1, acknowledged(1, 2, 200));
    assertThat(proposer.isLeading()).isFalse();
    assertThat(proposer.isWriting()).isTrue();
    assertThat(sent).containsExactly(new Sent(0, greeting(1, 2)), new Sent(1, greeting(1, 2)));
    answer(0, 1);
    answer(1, 1);
    assertThat(sent.subList(2, sent.size()))
        .containsExactly(
            new Sent(0, new Request.VoteRequest(1, 3)), new Sent(1, new Request.VoteRequest(1, 3)));
  }

  /** Else the generation could be given out again, and a forgotten vote in it would count. */
  @Test
  void doesNotCampaignBeforeAQuorumIsInTheNewGeneration() throws Exception {
    greet(0, 0);
    greet(2, 1);
    proposer.campaign();
    sent.clear();
    answer(0, 0); // to the first greeting, on its way while the generation became known
    proposer.campaign();
    assertThat(sent).containsExactly(new Sent(0, greeting(1, 0)));
    proposer.disconnected(2);
    answer(0, 1);
    assertThat(sent).as("one of them is gone").hasSize(1);
    greet(1, 1);
    assertThat(sent.subList(2, 4))
        .containsExactly(
            new Sent(0, new Request.VoteRequest(1, 2)), new Sent(1, new Request.VoteRequest(1, 2)));
  }

  @Test
  void startsOverOnceMoreIfANewerGenerationAnswers() throws Exception {
    lead();
    proposer.handle(1, acknowledged(1, 2, 200));
    answer(0, 1);
    answer(1, 2);
    sent.clear();
    proposer.campaign();
    assertThat(sent).isEmpty();
    answer(0, 2);
    assertThat(sent)
        .containsExactly(
            new Sent(0, new Request.VoteRequest(2, 3)), new Sent(1, new Request.VoteRequest(2, 3)));
  }

  @Test
  void saysInWhichTermATimelineBegins() throws Exception {
    lead();
    proposer.startCreating();
    proposer.connected(2);
    assertThat(sent).containsExactly(new Sent(2, new Request.Greeting(0, 2, PROPERTIES, true)));
  }

  @Test
  void goesOnIfTheLogFoundIsAPrefixOfItsOwn() throws Exception {
    lead();
    commit(150);
    proposer.handle(0, acknowledged(1, 2, 150));
    proposer.extended(at(400));
    answer(0, 1);
    answer(1, 1);
    proposer.handle(0, vote(1, 3, at(250), led()));
    proposer.handle(1, vote(1, 3, at(200), led()));
    assertThat(proposer.term()).isEqualTo(3);
    assertThat(proposer.startLsn()).isEqualTo(at(250));
    assertThat(proposer.endLsn()).isEqualTo(at(400));
    assertThat(proposer.history()).isEqualTo(led().with(new TermSwitch(3, at(250))));
    proposer.handle(1, new Reply.Following(1, 3, at(200)));
    assertThat(proposer.nextLsn(1)).contains(at(200));
    assertThat(proposer.append(1, ByteBuffer.allocate(10)).generation()).isEqualTo(1);
  }

  @Test
  void countsNoVoteOfTheOlderGeneration() throws Exception {
    greet(0, 0);
    greet(1, 0);
    proposer.handle(0, vote(0, 2, at(100), OLD));
    greet(2, 1);
    proposer.handle(1, vote(0, 2, at(100), OLD));
    assertThat(proposer.isLeading()).isFalse();
    answer(0, 1);
    answer(1, 1);
    proposer.handle(1, vote(0, 3, at(100), OLD));
    proposer.handle(2, vote(1, 3, at(100), OLD));
    assertThat(proposer.isLeading()).as("one vote of generation 1, one of 0").isFalse();
    proposer.handle(0, vote(1, 3, at(100), OLD));
    assertThat(proposer.term()).isEqualTo(3);
  }

  @Test
  void forgetsAcknowledgementsOfTheOlderGeneration() throws Exception {
    lead();
    proposer.handle(0, acknowledged(0, 2, 300));
    assertThat(proposer.flushLsn(0)).isEqualTo(at(300));
    greet(2, 1);
    assertThat(proposer.flushLsn(0)).isEqualTo(Lsn.INVALID);
    answer(1, 1);
    proposer.handle(1, vote(1, 3, at(100), led()));
    proposer.handle(2, vote(1, 3, at(100), led()));
    proposer.handle(1, new Reply.Following(1, 3, at(100)));
    proposer.handle(1, acknowledged(1, 3, 300));
    proposer.handle(0, acknowledged(0, 2, 300));
    assertThat(proposer.commitLsn()).as("of 1 and what 0 said before").isEqualTo(at(100));
    proposer.handle(2, new Reply.Following(1, 3, at(100)));
    proposer.handle(2, acknowledged(1, 3, 250));
    assertThat(proposer.commitLsn()).isEqualTo(at(250));
  }

  @Test
  void isFencedIfTheLogFoundGoesOnDifferently() throws Exception {
    lead();
    commit(150);
    greet(2, 1);
    answer(1, 1);
    proposer.campaign(); // somebody else was elected in term 3
    TermHistory other = led().with(new TermSwitch(3, at(150)));
    proposer.handle(1, vote(1, 4, at(150), led()));
    proposer.handle(2, vote(1, 4, at(160), other));
    assertThat(proposer.fencedBy()).contains(3L);
    assertThat(proposer.isWriting()).isFalse();
  }

  @Test
  void isFencedIfTheLogFoundIsLongerThanItsOwn() throws Exception {
    lead();
    greet(2, 1);
    answer(1, 1);
    proposer.handle(1, vote(1, 3, at(100), led()));
    proposer.handle(2, vote(1, 3, at(308), led()));
    assertThat(proposer.fencedBy()).isPresent();
  }

  @Test
  void isFencedByAHigherTermWhileItIsElectedAgain() throws Exception {
    lead();
    greet(2, 1);
    proposer.handle(0, new Reply.Vote(1, 9, false, at(100), START, START, led()));
    assertThat(proposer.fencedBy()).contains(9L);
  }

  @Test
  void doesNotGoOnWithLessThanItHasCommitted() throws Exception {
    lead();
    commit(150);
    greet(2, 1);
    answer(1, 1);
    proposer.handle(1, vote(1, 3, at(120), led()));
    assertThatThrownBy(() -> proposer.handle(2, vote(1, 3, at(120), led())))
        .isInstanceOf(StorageException.Precondition.class)
        .hasMessageContaining("has lost its data");
    assertThat(proposer.isLeading()).isFalse();
    assertThat(proposer.commitLsn()).isEqualTo(at(150));
  }

  @Test
  void commitsAfterItsNewTermBeginsOnly() throws Exception {
    lead();
    commit(150);
    greet(2, 1);
    answer(1, 1);
    proposer.handle(1, vote(1, 3, at(200), led()));
    proposer.handle(2, vote(1, 3, at(150), led()));
    for (int member = 1; member < 3; member++) {
      proposer.handle(member, new Reply.Following(1, 3, member == 1 ? at(200) : at(150)));
      assertThat(proposer.commitLsn()).isEqualTo(at(150));
    }
    proposer.handle(2, acknowledged(1, 3, 199));
    assertThat(proposer.commitLsn()).isEqualTo(at(150));
    proposer.handle(2, acknowledged(1, 3, 200));
    assertThat(proposer.commitLsn()).isEqualTo(at(200));
  }

  @Test
  void takesAnyLogWhileNothingDependsOnItsOwn() throws Exception {
    greet(0, 0);
    greet(1, 0);
    proposer.handle(0, vote(0, 2, at(100), OLD));
    proposer.handle(1, vote(0, 2, at(40), OLD));
    assertThat(proposer.startLsn()).isEqualTo(at(100));
    greet(2, 1);
    assertThat(proposer.isWriting()).isFalse();
    answer(1, 1);
    proposer.handle(1, vote(1, 3, at(40), OLD));
    proposer.handle(2, vote(1, 3, at(40), OLD));
    assertThat(proposer.startLsn()).isEqualTo(at(40));
    assertThat(proposer.endLsn()).isEqualTo(at(40));
  }
}
