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
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What was promised in a generation that is over is worth nothing, and nobody adds to it. */
final class AcceptorGenerationTest {
  private static final Lsn START = new Lsn(1 << 24);
  private static final TimelineProperties PROPERTIES =
      new TimelineProperties(
          new TenantTimelineId(new TenantId(1, 1), new TimelineId(2, 2)), 15, 42, 1 << 24, START);

  private final List<AcceptorState> persisted = new ArrayList<>();
  private final MemoryWal wal = new MemoryWal(START);
  private Acceptor acceptor;

  @BeforeEach
  void followTerm5InGeneration3() throws Exception {
    acceptor =
        new Acceptor(
            new NodeId(1),
            AcceptorState.initial(PROPERTIES, 3),
            state -> {
              assertThat(wal.flushLsn()).as("flushed first").isEqualTo(wal.writeLsn());
              persisted.add(state);
            },
            wal);
    acceptor.handle(new Request.VoteRequest(3, 5));
    acceptor.handle(elected(3, 5));
    persisted.clear();
  }

  private static Request.Elected elected(int generation, long term) {
    return new Request.Elected(
        generation, term, START, TermHistory.EMPTY.with(new TermSwitch(term, START)));
  }

  private static Request.Append append(int generation, Lsn begin, Lsn commitLsn) {
    return new Request.Append(generation, 5, begin, commitLsn, START, ByteBuffer.allocate(8));
  }

  @Test
  void doesNothingInAnOlderGenerationButTellTheNewerOne() throws Exception {
    assertThat(acceptor.handle(new Request.VoteRequest(2, 6)).orElseThrow())
        .isInstanceOfSatisfying(
            Reply.Vote.class,
            vote -> {
              assertThat(vote.granted()).isFalse();
              assertThat(vote.generation()).isEqualTo(3);
            });
    assertThat(acceptor.handle(elected(2, 6))).contains(new Reply.Following(3, 5, START));
    assertThat(acceptor.handle(append(2, START, START)))
        .contains(new Reply.Appended(3, 5, START, START, START));
    assertThat(acceptor.term()).isEqualTo(5);
    assertThat(acceptor.isFollowing(5)).isTrue();
    assertThat(wal.writeLsn()).isEqualTo(START);
    assertThat(persisted).isEmpty();
  }

  @Test
  void answersAGreetingOfAnOlderGenerationWithItsOwn() throws Exception {
    assertThat(acceptor.handle(new Request.Greeting(2, 0, PROPERTIES, false)))
        .contains(new Reply.Greeted(3, new NodeId(1), 5));
    assertThat(persisted).isEmpty();
  }

  @Test
  void adoptsANewerGenerationBeforeItAnswers() throws Exception {
    acceptor.handle(append(3, START, START));
    assertThat(acceptor.handle(new Request.Greeting(4, 0, PROPERTIES, false)))
        .contains(new Reply.Greeted(4, new NodeId(1), 5));
    assertThat(persisted).extracting(AcceptorState::generation).containsExactly(4);
    assertThat(acceptor.isFollowing(5)).isFalse();
  }

  @Test
  void adoptsANewerGenerationBeforeItVotes() throws Exception {
    acceptor.handle(append(3, START, START));
    assertThat(acceptor.handle(new Request.VoteRequest(4, 6)).orElseThrow())
        .isInstanceOfSatisfying(
            Reply.Vote.class,
            vote -> {
              assertThat(vote.granted()).isTrue();
              assertThat(vote.generation()).isEqualTo(4);
            });
    assertThat(persisted)
        .extracting(state -> state.generation() + " " + state.term())
        .containsExactly("4 5", "4 6");
  }

  @Test
  void adoptsNoGenerationFromAnotherTimeline() {
    TimelineProperties other =
        new TimelineProperties(PROPERTIES.id(), 15, 43, 1 << 24, PROPERTIES.startLsn());
    assertThatThrownBy(() -> acceptor.handle(new Request.Greeting(4, 0, other, false)))
        .isInstanceOf(StorageException.Precondition.class);
    assertThat(acceptor.state().generation()).isEqualTo(3);
  }

  @Test
  void takesNoWalInANewerGenerationBeforeAnElectionInIt() {
    assertThatThrownBy(() -> acceptor.handle(append(4, START, START)))
        .isInstanceOf(StorageException.Transient.class);
    assertThat(wal.writeLsn()).isEqualTo(START);
  }

  @Test
  void flushesWhatItHasAndSaysWhatIsCommittedBeforeItRaisesTheGeneration() throws Exception {
    acceptor.handle(append(3, START, START.plus(8)));
    acceptor.raiseGeneration(4);
    assertThat(wal.flushLsn()).isEqualTo(START.plus(8));
    assertThat(acceptor.commitLsn()).isEqualTo(START.plus(8));
    assertThat(persisted.getLast().generation()).isEqualTo(4);
    assertThat(acceptor.flush()).as("an acknowledgement of what is over").isEmpty();
    acceptor.raiseGeneration(4);
    assertThatThrownBy(() -> acceptor.raiseGeneration(3))
        .isInstanceOf(StorageException.Transient.class)
        .hasMessageContaining("has seen generation 4");
  }
}
