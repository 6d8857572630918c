package io.coppice.safekeeper.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.rpc.HostPort;
import io.coppice.common.rpc.RpcChannel;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.WalStreamWriter;
import io.coppice.proto.v1.AcceptorMessage;
import io.coppice.proto.v1.AppendRequest;
import io.coppice.proto.v1.DeleteTimelineRequest;
import io.coppice.proto.v1.ProposerElected;
import io.coppice.proto.v1.ProposerGreeting;
import io.coppice.proto.v1.ProposerMessage;
import io.coppice.proto.v1.PullTimelineRequest;
import io.coppice.proto.v1.SafekeeperServiceGrpc;
import io.coppice.proto.v1.StartStream;
import io.coppice.proto.v1.StreamWalRequest;
import io.coppice.proto.v1.StreamWalResponse;
import io.coppice.proto.v1.TermSwitch;
import io.coppice.proto.v1.TimelineStatusRequest;
import io.coppice.proto.v1.TimelineStatusResponse;
import io.coppice.proto.v1.VoteRequest;
import io.coppice.proto.v1.WatchTimelinesRequest;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
final class SafekeeperTest {
  private static final String TENANT = "0123456789abcdef0123456789abcdef";
  private static final String TIMELINE = "fedcba9876543210fedcba9876543210";
  private static final int SEGMENT = 1 << 20;
  private static final long START = 3L * SEGMENT + 40;

  @TempDir Path directory;
  private Safekeeper safekeeper;
  private ManagedChannel channel;

  private final WalStreamWriter writer =
      new WalStreamWriter(PostgresVersion.V15, SEGMENT, 42, 1, new Lsn(START), Lsn.INVALID);

  @BeforeEach
  void start() throws Exception {
    safekeeper =
        Safekeeper.start(
            new SafekeeperConfig(7, directory.resolve("data"), new HostPort("127.0.0.1", 0)));
    channel = RpcChannel.open(new HostPort("127.0.0.1", safekeeper.port()));
  }

  @AfterEach
  void stop() {
    channel.shutdownNow();
    safekeeper.close();
  }

  private void restart() throws Exception {
    stop();
    start();
  }

  private SafekeeperServiceGrpc.SafekeeperServiceStub stub() {
    return SafekeeperServiceGrpc.newStub(channel);
  }

  private SafekeeperServiceGrpc.SafekeeperServiceBlockingStub blocking() {
    return SafekeeperServiceGrpc.newBlockingStub(channel);
  }

  private byte[] records(int count) {
    for (int i = 0; i < count; i++) {
      writer.append(10, 0, 7, new byte[] {(byte) 255, 4, 1, 2, 3, (byte) i});
    }
    return writer.takeBytes();
  }

  /** A proposer's side of a conversation. */
  private final class Conversation {
    final Inbox<AcceptorMessage> in = new Inbox<>();
    final StreamObserver<ProposerMessage> out = stub().propose(in);

    Conversation greet() throws InterruptedException {
      sendGreeting(true);
      assertThat(in.take().getGreeting().getNodeId()).isEqualTo(7);
      return this;
    }

    void sendGreeting(boolean create) {
      sendGreeting(create, 1);
    }

    void sendGreeting(boolean create, int creation) {
      out.onNext(
          ProposerMessage.newBuilder()
              .setGreeting(
                  ProposerGreeting.newBuilder()
                      .setTenantId(TENANT)
                      .setTimelineId(TIMELINE)
                      .setPgVersion(15)
                      .setSystemId(42)
                      .setWalSegmentSizeBytes(SEGMENT)
                      .setTimelineStartLsn(START)
                      .setCreate(create)
                      .setCreation(creation))
              .build());
    }

    AcceptorMessage vote(long term) throws InterruptedException {
      out.onNext(
          ProposerMessage.newBuilder()
              .setVoteRequest(VoteRequest.newBuilder().setTerm(term))
              .build());
      return in.take();
    }

    AcceptorMessage elected(long term, long at, long... termsAndStarts)
        throws InterruptedException {
      ProposerElected.Builder elected =
          ProposerElected.newBuilder().setTerm(term).setStartStreamingAt(at);
      for (int i = 0; i < termsAndStarts.length; i += 2) {
        elected.addTermHistory(
            TermSwitch.newBuilder().setTerm(termsAndStarts[i]).setStartLsn(termsAndStarts[i + 1]));
      }
      out.onNext(ProposerMessage.newBuilder().setElected(elected).build());
      return in.take();
    }

    void append(long term, long begin, long commit, byte[] data) {
      out.onNext(
          ProposerMessage.newBuilder()
              .setAppend(
                  AppendRequest.newBuilder()
                      .setTerm(term)
                      .setBeginLsn(begin)
                      .setCommitLsn(commit)
                      .setData(ByteString.copyFrom(data)))
              .build());
    }

    Conversation lead(long term) throws InterruptedException {
      greet();
      assertThat(vote(term).getVoteResponse().getGranted()).isTrue();
      assertThat(elected(term, START, term, START).getElected().getTerm()).isEqualTo(term);
      return this;
    }
  }

  private TimelineStatusResponse status() {
    return blocking()
        .timelineStatus(
            TimelineStatusRequest.newBuilder().setTenantId(TENANT).setTimelineId(TIMELINE).build());
  }

  private Inbox<StreamWalResponse> stream(long start, long term, long end) {
    Inbox<StreamWalResponse> in = new Inbox<>();
    stub()
        .streamWal(in)
        .onNext(
            StreamWalRequest.newBuilder()
                .setStart(
                    StartStream.newBuilder()
                        .setTenantId(TENANT)
                        .setTimelineId(TIMELINE)
                        .setStartLsn(start)
                        .setTerm(term)
                        .setEndLsn(end))
                .build());
    return in;
  }

  @Test
  void keepsWhatItAcknowledgedAndStreamsWhatIsCommitted() throws Exception {
    Conversation proposer = new Conversation().lead(1);
    byte[] wal = records(10);
    long end = START + wal.length;
    proposer.append(1, START, 0, wal);
    assertThat(proposer.in.take().getAppend().getFlushLsn()).isEqualTo(end);

    Inbox<StreamWalResponse> reader = stream(START, 0, 0);
    reader.assertSilent();
    proposer.append(1, end, end, new byte[0]);
    assertThat(proposer.in.take().getAppend().getCommitLsn()).isEqualTo(end);
    StreamWalResponse piece = reader.take();
    assertThat(piece.getStartLsn()).isEqualTo(START);
    assertThat(piece.getData().toByteArray()).isEqualTo(wal);
    assertThat(piece.getCommitLsn()).isEqualTo(end);

    restart();
    TimelineStatusResponse status = status();
    assertThat(status.getFlushLsn()).isEqualTo(end);
    assertThat(status.getCommitLsn()).isEqualTo(end);
    assertThat(status.getTerm()).isEqualTo(1);
    assertThat(stream(START, 0, end).take().getData().toByteArray()).isEqualTo(wal);
  }

  @Test
  void countsARecordOnceItIsWhole() throws Exception {
    Conversation proposer = new Conversation().lead(1);
    byte[] first = records(1);
    byte[] second = records(1);
    byte[] part = new byte[first.length + 9];
    System.arraycopy(first, 0, part, 0, first.length);
    System.arraycopy(second, 0, part, first.length, 9);
    proposer.append(1, START, 0, part);
    AcceptorMessage answer = proposer.in.take();
    assertThat(answer.getAppend().getFlushLsn()).isEqualTo(START + first.length);
    assertThat(answer.getAppend().getDurableLsn()).isEqualTo(START + part.length);
  }

  @Test
  void votesOnceInATermAndRemembersItAcrossARestart() throws Exception {
    assertThat(new Conversation().greet().vote(5).getVoteResponse().getGranted()).isTrue();
    assertThat(new Conversation().greet().vote(5).getVoteResponse().getGranted()).isFalse();
    assertThat(new Conversation().greet().vote(4).getVoteResponse().getTerm()).isEqualTo(5);
    restart();
    assertThat(new Conversation().greet().vote(5).getVoteResponse().getGranted()).isFalse();
    assertThat(new Conversation().greet().vote(6).getVoteResponse().getGranted()).isTrue();
  }

  @Test
  void tellsAnIdleProposerThatItWasSuperseded() throws Exception {
    Conversation old = new Conversation().lead(1);
    assertThat(new Conversation().greet().vote(2).getVoteResponse().getGranted()).isTrue();
    assertThat(old.in.take().getAppend().getTerm()).isEqualTo(2);
    old.append(1, START, 0, records(1));
    assertThat(old.in.take().getAppend().getTerm()).isEqualTo(2);
    assertThat(status().getFlushLsn()).isEqualTo(START);
  }

  @Test
  void cutsOffWhatANewProposerDoesNotHave() throws Exception {
    Conversation old = new Conversation().lead(1);
    byte[] kept = records(3);
    byte[] lost = records(5);
    old.append(1, START, 0, kept);
    old.append(1, START + kept.length, 0, lost);
    long all = START + kept.length + lost.length;
    while (old.in.take().getAppend().getFlushLsn() < all) {
      // one answer may be for both
    }
    Conversation next = new Conversation().greet();
    assertThat(next.vote(2).getVoteResponse().getFlushLsn()).isEqualTo(all);
    long cut = START + kept.length;
    assertThat(next.elected(2, cut, 1, START, 2, cut).getElected().getFlushLsn()).isEqualTo(cut);
    restart();
    assertThat(status().getFlushLsn()).isEqualTo(cut);
    assertThat(status().getTermHistoryCount()).isEqualTo(2);
  }

  @Test
  void neverCutsWhatIsCommitted() throws Exception {
    Conversation old = new Conversation().lead(1);
    byte[] wal = records(3);
    long end = START + wal.length;
    old.append(1, START, end, wal);
    assertThat(old.in.take().getAppend().getCommitLsn()).isEqualTo(end);
    Conversation next = new Conversation().greet();
    assertThat(next.vote(2).getVoteResponse().getGranted()).isTrue();
    next.out.onNext(
        ProposerMessage.newBuilder()
            .setElected(
                ProposerElected.newBuilder()
                    .setTerm(2)
                    .setStartStreamingAt(START)
                    .addTermHistory(TermSwitch.newBuilder().setTerm(2).setStartLsn(START)))
            .build());
    assertThat(next.in.end().getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION);
    assertThat(status().getFlushLsn()).isEqualTo(end);
  }

  @Test
  void refusesGapsAndOverlaps() throws Exception {
    Conversation proposer = new Conversation().lead(1);
    proposer.append(1, START + 8, 0, records(1));
    assertThat(proposer.in.end().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
  }

  @Test
  void refusesAppendsBeforeTheHistoryWasShown() throws Exception {
    Conversation proposer = new Conversation().greet();
    assertThat(proposer.vote(1).getVoteResponse().getGranted()).isTrue();
    proposer.append(1, START, 0, records(1));
    assertThat(proposer.in.end().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
  }

  @Test
  void makesATimelineOnlyIfTold() throws Exception {
    Conversation refused = new Conversation();
    refused.sendGreeting(false);
    Status status = refused.in.end();
    assertThat(status.getCode()).isEqualTo(Status.Code.NOT_FOUND);
    assertThat(status.getDescription()).contains("has to be rebuilt from its peers");
    assertThatThrownBy(this::status).hasMessageContaining("NOT_FOUND");

    assertThat(new Conversation().greet().vote(1).getVoteResponse().getGranted()).isTrue();
    restart();
    Conversation again = new Conversation();
    again.sendGreeting(false);
    assertThat(again.in.take().getGreeting().getTerm()).isEqualTo(1);
  }

  @Test
  void anEmptyTimelineGivesWayToALaterCreationOnly() throws Exception {
    Conversation first = new Conversation().lead(1);
    Conversation second = new Conversation();
    second.sendGreeting(true, 2);
    assertThat(second.in.take().getGreeting().getTerm()).as("a new one").isZero();
    assertThat(first.in.end().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(second.vote(1).getVoteResponse().getGranted()).isTrue();
    assertThat(status().getCreation()).isEqualTo(2);

    assertRefused(true, 1, Status.Code.ALREADY_EXISTS);
    assertRefused(false, 1, Status.Code.NOT_FOUND);
    assertRefused(false, 3, Status.Code.NOT_FOUND);
    restart();
    assertThat(status().getCreation()).isEqualTo(2);
    assertThat(status().getTerm()).isEqualTo(1);
  }

  @Test
  void aTimelineWithWalGivesWayToNone() throws Exception {
    Conversation proposer = new Conversation().lead(1);
    proposer.append(1, START, 0, records(1));
    assertThat(proposer.in.take().getAppend().getFlushLsn()).isGreaterThan(START);
    assertRefused(true, 2, Status.Code.ALREADY_EXISTS);
    assertThat(status().getTerm()).isEqualTo(1);
  }

  private void assertRefused(boolean create, int creation, Status.Code code) throws Exception {
    Conversation late = new Conversation();
    late.sendGreeting(create, creation);
    assertThat(late.in.end().getCode()).isEqualTo(code);
  }

  @Test
  void refusesAConversationWithoutAGreeting() throws Exception {
    Conversation proposer = new Conversation();
    proposer.append(1, START, 0, records(1));
    assertThat(proposer.in.end().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT);
  }

  @Test
  void streamsWhatIsFlushedToTheElectedProposerOnly() throws Exception {
    Conversation proposer = new Conversation().lead(1);
    byte[] wal = records(4);
    proposer.append(1, START, 0, wal);
    assertThat(proposer.in.take().getAppend().getFlushLsn()).isEqualTo(START + wal.length);
    Inbox<StreamWalResponse> donor = stream(START, 1, 0);
    assertThat(donor.take().getData().toByteArray()).isEqualTo(wal);
    assertThat(stream(START, 2, 0).end().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertThat(new Conversation().greet().vote(2).getVoteResponse().getGranted()).isTrue();
    assertThat(donor.end().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
  }

  @Test
  void tellsWatchersWhatIsThereAndWhatChanges() throws Exception {
    Conversation proposer = new Conversation().lead(1);
    byte[] wal = records(1);
    Inbox<TimelineStatusResponse> watcher = new Inbox<>();
    stub().watchTimelines(WatchTimelinesRequest.getDefaultInstance(), watcher);
    assertThat(watcher.take().getTimelineId()).isEqualTo(TIMELINE);
    proposer.append(1, START, START + wal.length, wal);
    TimelineStatusResponse seen = watcher.take();
    while (seen.getCommitLsn() < START + wal.length) {
      seen = watcher.take();
    }
    restart();
    Inbox<TimelineStatusResponse> again = new Inbox<>();
    stub().watchTimelines(WatchTimelinesRequest.getDefaultInstance(), again);
    assertThat(again.take().getCommitLsn()).isEqualTo(START + wal.length);
  }

  @Test
  void forgetsADeletedTimeline() throws Exception {
    Conversation proposer = new Conversation().lead(1);
    DeleteTimelineRequest request =
        DeleteTimelineRequest.newBuilder().setTenantId(TENANT).setTimelineId(TIMELINE).build();
    blocking().deleteTimeline(request);
    blocking().deleteTimeline(request);
    assertThat(proposer.in.end().getCode()).isEqualTo(Status.Code.UNAVAILABLE);
    assertIsDeleted();
    restart();
    assertIsDeleted();
  }

  /** One that was away when it was made: a creator that comes late is refused. */
  @Test
  void remembersTheDeletionOfATimelineItNeverHad() throws Exception {
    DeleteTimelineRequest request =
        DeleteTimelineRequest.newBuilder().setTenantId(TENANT).setTimelineId(TIMELINE).build();
    blocking().deleteTimeline(request);
    restart();
    assertIsDeleted();
  }

  private void assertIsDeleted() throws Exception {
    assertThatThrownBy(this::status)
        .isInstanceOf(StatusRuntimeException.class)
        .hasMessageContaining("FAILED_PRECONDITION")
        .hasMessageContaining("was deleted");
    Conversation late = new Conversation();
    late.sendGreeting(true, 2);
    Status refused = late.in.end();
    assertThat(refused.getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION);
    assertThat(refused.getDescription()).contains(TIMELINE + " was deleted");
    PullTimelineRequest pull =
        PullTimelineRequest.newBuilder()
            .setTenantId(TENANT)
            .setTimelineId(TIMELINE)
            .addPeers("127.0.0.1:1")
            .addPeers("127.0.0.1:2")
            .build();
    assertThatThrownBy(() -> blocking().pullTimeline(pull)).hasMessageContaining("was deleted");
  }

  @Test
  void tellsWhetherAProposerOfTheNewestTermIsConnected() throws Exception {
    Conversation first = new Conversation().greet();
    assertThat(status().getHasProposer()).isFalse();
    first.vote(1);
    assertThat(status().getHasProposer()).isTrue();
    Conversation second = new Conversation().lead(2);
    assertThat(status().getHasProposer()).isTrue();
    second.out.onCompleted();
    second.in.end();
    // The first is connected, but has been replaced.
    assertThat(status().getHasProposer()).isFalse();
  }

  @Test
  void saysWhatIsWrongWithARequest() {
    assertThatThrownBy(() ->
            blocking()
                .timelineStatus(
                    TimelineStatusRequest.newBuilder()
                        .setTenantId("nonsense")
                        .setTimelineId(TIMELINE)
                        .build()))
        .hasMessageContaining("INVALID_ARGUMENT: not a tenant id: \"nonsense\"");
    assertThatThrownBy(() ->
            blocking()
                .pullTimeline(
                    PullTimelineRequest.newBuilder()
                        .setTenantId(TENANT)
                        .setTimelineId(TIMELINE)
                        .build()))
        .hasMessageContaining("INVALID_ARGUMENT: 0 peers");
  }

  @Test
  void refusesWalBeforeTheTimelinesStart() throws Exception {
    assertThat(new Conversation().lead(1).in).isNotNull();
    assertThat(stream(START - 8, 0, 0).end().getCode()).isEqualTo(Status.Code.FAILED_PRECONDITION);
  }

  @Test
  void refusesAPortAndADirectoryInUse() {
    assertThatThrownBy(() ->
            Safekeeper.start(
                new SafekeeperConfig(
                    8, directory.resolve("other"), new HostPort("127.0.0.1", safekeeper.port()))))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("cannot listen on");
    assertThatThrownBy(() ->
            Safekeeper.start(
                new SafekeeperConfig(7, directory.resolve("data"), new HostPort("127.0.0.1", 0))))
        .isInstanceOf(StorageException.Conflict.class);
  }
}
