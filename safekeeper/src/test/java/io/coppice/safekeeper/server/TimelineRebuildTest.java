package io.coppice.safekeeper.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.rpc.HostPort;
import io.coppice.common.rpc.RpcChannel;
import io.coppice.common.rpc.RpcServer;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.WalStreamWriter;
import io.coppice.proto.v1.AcceptorMessage;
import io.coppice.proto.v1.ProposerMessage;
import io.coppice.proto.v1.RaiseGenerationRequest;
import io.coppice.proto.v1.SafekeeperServiceGrpc;
import io.coppice.proto.v1.StreamWalRequest;
import io.coppice.proto.v1.StreamWalResponse;
import io.coppice.proto.v1.TermSwitch;
import io.coppice.proto.v1.TimelineStatusRequest;
import io.coppice.proto.v1.TimelineStatusResponse;
import io.coppice.safekeeper.client.ReplyCodec;
import io.coppice.safekeeper.client.RequestCodec;
import io.coppice.safekeeper.client.SafekeeperClient;
import io.coppice.safekeeper.client.TimelineStatus;
import io.coppice.safekeeper.consensus.Reply;
import io.coppice.safekeeper.consensus.Request;
import io.coppice.safekeeper.consensus.TermHistory;
import io.coppice.safekeeper.consensus.TimelineProperties;
import io.grpc.ManagedChannel;
import io.grpc.stub.StreamObserver;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Three safekeepers, of which the third has lost the timeline. */
@Timeout(60)
final class TimelineRebuildTest {
  private static final int SEGMENT = 1 << 20;
  private static final Lsn START = new Lsn(3L * SEGMENT + 40);
  private static final TenantTimelineId ID =
      new TenantTimelineId(new TenantId(1, 2), new TimelineId(3, 4));
  private static final TimelineProperties PROPERTIES =
      new TimelineProperties(ID, 15, 42, SEGMENT, START, 2);

  @TempDir Path directory;
  private final List<Safekeeper> nodes = new ArrayList<>();
  private final List<SafekeeperClient> clients = new ArrayList<>();
  private final List<ManagedChannel> channels = new ArrayList<>();
  private final WalStreamWriter writer = newLog();

  @BeforeEach
  void start() throws Exception {
    for (int node = 1; node <= 3; node++) {
      nodes.add(start(node));
      clients.add(SafekeeperClient.open(address(node)));
      channels.add(RpcChannel.open(address(node)));
    }
  }

  private Safekeeper start(int node) throws Exception {
    return Safekeeper.start(new SafekeeperConfig(node, data(node), new HostPort("127.0.0.1", 0)));
  }

  @AfterEach
  void stop() {
    clients.forEach(SafekeeperClient::close);
    channels.forEach(ManagedChannel::shutdownNow);
    nodes.forEach(Safekeeper::close);
  }

  private Path data(int node) {
    return directory.resolve("safekeeper-" + node);
  }

  private HostPort address(int node) {
    return new HostPort("127.0.0.1", nodes.get(node - 1).port());
  }

  private SafekeeperClient client(int node) {
    return clients.get(node - 1);
  }

  private List<HostPort> peersOf3() {
    return List.of(address(1), address(2));
  }

  private static WalStreamWriter newLog() {
    return new WalStreamWriter(PostgresVersion.V15, SEGMENT, 42, 1, START, Lsn.INVALID);
  }

  private byte[] records(int count) {
    return records(writer, count);
  }

  private static byte[] records(WalStreamWriter log, int count) {
    for (int i = 0; i < count; i++) {
      log.append(10, 0, 7, recordOf(3_000 + i));
    }
    return log.takeBytes();
  }

  /** Main data in the long form: id 254, length. */
  private static byte[] recordOf(int length) {
    byte[] body = new byte[5 + length];
    ByteBuffer.wrap(body).order(java.nio.ByteOrder.LITTLE_ENDIAN).put((byte) 254).putInt(length);
    Arrays.fill(body, 5, body.length, (byte) length);
    return body;
  }

  /** A proposer's conversation with one node. */
  private final class Conversation {
    private final Inbox<AcceptorMessage> in = new Inbox<>();
    private final StreamObserver<ProposerMessage> out;

    Conversation(int node) throws Exception {
      out = SafekeeperServiceGrpc.newStub(channels.get(node - 1)).propose(in);
      ask(new Request.Greeting(0, 0, PROPERTIES, true));
    }

    Reply ask(Request request) throws Exception {
      out.onNext(RequestCodec.toProto(request));
      return ReplyCodec.fromProto(in.take());
    }

    /** Is elected there in that term, whose WAL begins at the end of that node's log. */
    Conversation lead(long term) throws Exception {
      Reply.Vote vote = (Reply.Vote) ask(new Request.VoteRequest(0, term));
      return follow(term, vote, vote.flushLsn());
    }

    Conversation follow(long term, Reply.Vote vote, Lsn at) throws Exception {
      TermHistory history =
          vote.history().upTo(at).with(new io.coppice.safekeeper.consensus.TermSwitch(term, at));
      ask(new Request.Elected(0, term, at, history));
      return this;
    }

    Reply.Appended append(long term, Lsn begin, Lsn commitLsn, byte[] wal) throws Exception {
      Reply.Appended last = null;
      for (int done = 0; done < wal.length || last == null; done += 100_000) {
        int count = Math.min(100_000, wal.length - done);
        ByteBuffer data = ByteBuffer.wrap(wal, done, count);
        last =
            (Reply.Appended)
                ask(new Request.Append(0, term, begin.plus(done), commitLsn, START, data));
      }
      return last;
    }
  }

  /**
   * Node 1 has the longer log, of term 1, and voted in term 5; node 2 has the later one, of terms 1
   * and 2, with a commit that node 1 does not know of.
   *
   * @return end of node 2's log
   */
  private Lsn diverge() throws Exception {
    byte[] common = records(300);
    Lsn fork = START.plus(common.length);
    byte[] tail = records(2);
    new Conversation(1).lead(1).append(1, START, START, concat(common, tail));
    new Conversation(1).ask(new Request.VoteRequest(0, 5));
    new Conversation(2).lead(1).append(1, START, fork, common);
    WalStreamWriter other = newLog();
    assertThat(records(other, 300)).isEqualTo(common);
    other.append(10, 0, 7, recordOf(10));
    byte[] later = other.takeBytes();
    new Conversation(2).lead(2).append(2, fork, fork, later);
    return fork.plus(later.length);
  }

  private static byte[] concat(byte[] one, byte[] other) {
    byte[] both = Arrays.copyOf(one, one.length + other.length);
    System.arraycopy(other, 0, both, one.length, other.length);
    return both;
  }

  private byte[] wal(int node) throws Exception {
    Path segments = timeline(node).resolve("wal");
    byte[] all = new byte[0];
    try (var files = Files.list(segments)) {
      for (Path file :
          files.filter(f -> f.getFileName().toString().length() == 24).sorted().toList()) {
        all = concat(all, Files.readAllBytes(file));
      }
    }
    return all;
  }

  private Path timeline(int node) {
    return data(node)
        .resolve("tenants")
        .resolve(ID.tenant().toString())
        .resolve("timelines")
        .resolve(ID.timeline().toString());
  }

  @Test
  void copiesTheGreatestLogAndWhatAllPeersKnow() throws Exception {
    Lsn end = diverge();
    client(3).pull(ID, peersOf3(), false);
    TimelineStatus rebuilt = client(3).status(ID);
    TimelineStatus donor = client(2).status(ID);
    assertThat(rebuilt.flushLsn()).isEqualTo(end);
    assertThat(rebuilt.state().history()).isEqualTo(donor.state().history());
    assertThat(rebuilt.state().commitLsn()).isEqualTo(donor.state().commitLsn());
    assertThat(rebuilt.state().term()).as("greatest of both").isEqualTo(5);
    for (int node = 1; node <= 3; node++) {
      assertThat(client(node).status(ID).state().generation()).isEqualTo(1);
    }
    int size = (int) (end.value() - START.value() + 40);
    assertThat(Arrays.mismatch(wal(3), 40, size, wal(2), 40, size)).isNegative();
    nodes.get(2).close();
    nodes.set(2, start(3));
    try (SafekeeperClient again = SafekeeperClient.open(address(3))) {
      assertThat(again.status(ID)).as("after a restart").isEqualTo(rebuilt);
    }
  }

  @Test
  void endsTheOlderGenerationBeforeItReadsTheLogs() throws Exception {
    Conversation leader = new Conversation(1).lead(1);
    byte[] wal = records(1);
    leader.append(1, START, START, wal);
    new Conversation(2).lead(1);
    client(3).pull(ID, peersOf3(), false);
    assertThat(ReplyCodec.fromProto(leader.in.take()).generation()).as("told at once").isEqualTo(1);
    Reply.Appended refused = leader.append(1, START.plus(wal.length), START, records(1));
    assertThat(refused.generation()).isEqualTo(1);
    assertThat(client(1).status(ID).flushLsn()).isEqualTo(START.plus(wal.length));
    assertThat(client(3).status(ID).flushLsn()).isEqualTo(START.plus(wal.length));
  }

  @Test
  void needsBothPeersAndTouchesNothingWithout() throws Exception {
    diverge();
    HostPort gone = address(2);
    nodes.get(1).close();
    assertThatThrownBy(() -> client(3).pull(ID, List.of(address(1), gone), false))
        .isInstanceOf(StorageException.Transient.class)
        .hasMessageContaining("1 of 2 peers answered, 2 have to; no answer from " + gone);
    assertThat(client(1).status(ID).state().generation()).isZero();
    assertThatThrownBy(() -> client(3).status(ID)).isInstanceOf(StorageException.NotFound.class);
  }

  @Test
  void countsNoPeerThatHasLostTheTimelineToo() throws Exception {
    new Conversation(1).lead(1);
    assertThatThrownBy(() -> client(3).pull(ID, peersOf3(), false))
        .isInstanceOf(StorageException.Transient.class)
        .hasMessageContaining("is not on safekeeper 2");
  }

  @Test
  void refusesPeersThatAreNone() throws Exception {
    diverge();
    assertThatThrownBy(() -> client(3).pull(ID, List.of(address(1), address(1)), false))
        .isInstanceOf(StorageException.Invalid.class);
    assertThatThrownBy(() -> client(1).pull(ID, List.of(address(1), address(2)), true))
        .isInstanceOf(StorageException.Precondition.class)
        .hasMessageContaining("is safekeeper 1 itself");
    assertThat(client(1).status(ID).state().term()).isEqualTo(5);
  }

  @Test
  void replacesACopyOnlyIfTold() throws Exception {
    Lsn end = diverge();
    new Conversation(3).lead(1).append(1, START, START, records(newLog(), 1));
    assertThatThrownBy(() -> client(3).pull(ID, peersOf3(), false))
        .isInstanceOf(StorageException.Conflict.class)
        .hasMessageContaining("only if that copy is to be replaced");
    client(3).pull(ID, peersOf3(), true);
    assertThat(client(3).status(ID).flushLsn()).isEqualTo(end);
  }

  @Test
  void replacesWhatALateCreatorHadMade() throws Exception {
    diverge(); // of creation 2
    make(1);
    client(3).pull(ID, peersOf3(), false);
    assertThat(client(3).status(ID).state().properties()).isEqualTo(PROPERTIES);
  }

  /** Then the peers are late, and what is here may be committed. */
  @Test
  void doesNotReplaceALaterCreation() throws Exception {
    diverge();
    make(3);
    assertThatThrownBy(() -> client(3).pull(ID, peersOf3(), false))
        .isInstanceOf(StorageException.Conflict.class);
    assertThat(client(3).status(ID).state().properties().creation()).isEqualTo(3);
  }

  /** Has the third make that creation of the timeline, and vote. */
  private void make(int creation) throws Exception {
    TimelineProperties other = new TimelineProperties(ID, 15, 42, SEGMENT, START, creation);
    Inbox<AcceptorMessage> in = new Inbox<>();
    StreamObserver<ProposerMessage> out =
        SafekeeperServiceGrpc.newStub(channels.get(2)).propose(in);
    out.onNext(RequestCodec.toProto(new Request.Greeting(0, 0, other, true)));
    assertThat(in.take().hasGreeting()).isTrue();
    out.onNext(RequestCodec.toProto(new Request.VoteRequest(0, 1)));
    assertThat(in.take().getVoteResponse().getGranted()).isTrue();
  }

  @Test
  void replacesACopyThatIsDamaged() throws Exception {
    Lsn end = diverge();
    new Conversation(3).lead(1);
    nodes.get(2).close();
    Files.write(timeline(3).resolve("control"), new byte[] {1, 2, 3});
    Path halfDone = Files.createDirectories(data(3).resolve("rebuilding").resolve("half-done"));
    nodes.set(2, start(3));
    assertThat(halfDone).doesNotExist();
    try (SafekeeperClient again = SafekeeperClient.open(address(3))) {
      again.pull(ID, peersOf3(), true);
      assertThat(again.status(ID).flushLsn()).isEqualTo(end);
    }
  }

  /** In the safekeeper's file; its checksum stays. */
  private void damage(int node, Lsn at) throws Exception {
    Path segment = timeline(node).resolve("wal").resolve("000000010000000000000003");
    try (FileChannel file =
        FileChannel.open(segment, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      ByteBuffer one = ByteBuffer.allocate(1);
      file.read(one, at.value() % SEGMENT);
      one.put(0, (byte) (one.get(0) ^ 4));
      file.write(one.rewind(), at.value() % SEGMENT);
    }
  }

  @Test
  void takesWhatIsDamagedAtTheDonorFromAnother() throws Exception {
    Lsn end = diverge();
    byte[] expected = wal(2);
    damage(2, START.plus(400_000));
    damage(1, START.plus(700_000));
    client(3).pull(ID, peersOf3(), false);
    assertThat(client(3).status(ID).flushLsn()).isEqualTo(end);
    int size = (int) (end.value() - START.value() + 40);
    assertThat(Arrays.mismatch(wal(3), 40, size, expected, 40, size)).isNegative();
  }

  @Test
  void isNotRebuiltWithWalThatIsWholeNowhere() throws Exception {
    diverge();
    damage(2, START.plus(400_000));
    damage(1, START.plus(400_000));
    assertThatThrownBy(() -> client(3).pull(ID, peersOf3(), false))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining("expected CRC32C");
    assertThatThrownBy(() -> client(3).status(ID)).isInstanceOf(StorageException.NotFound.class);
  }

  /** The other has as much WAL there, but of another log. */
  @Test
  void takesNothingOfAnotherLog() throws Exception {
    Lsn end = diverge();
    damage(2, end.plus(-4));
    assertThat(client(1).status(ID).flushLsn()).isGreaterThan(end);
    assertThatThrownBy(() -> client(3).pull(ID, peersOf3(), false))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining("expected CRC32C");
    assertThatThrownBy(() -> client(3).status(ID)).isInstanceOf(StorageException.NotFound.class);
  }

  @Test
  void startsAgainIfTheLogWasCutMeanwhile() throws Exception {
    Lsn end = diverge();
    AtomicInteger asked = new AtomicInteger();
    SafekeeperServiceGrpc.SafekeeperServiceStub real =
        SafekeeperServiceGrpc.newStub(channels.get(1));
    var cut =
        new SafekeeperServiceGrpc.SafekeeperServiceImplBase() {
          @Override
          public void timelineStatus(
              TimelineStatusRequest request, StreamObserver<TimelineStatusResponse> out) {
            Thread.ofVirtual().start(() -> answer(request, out));
          }

          private void answer(
              TimelineStatusRequest request, StreamObserver<TimelineStatusResponse> out) {
            TimelineStatusResponse status =
                SafekeeperServiceGrpc.newBlockingStub(channels.get(1)).timelineStatus(request);
            if (asked.incrementAndGet() == 2) {
              Lsn common = START.plus(8);
              status =
                  status.toBuilder()
                      .removeTermHistory(1)
                      .addTermHistory(
                          TermSwitch.newBuilder().setTerm(2).setStartLsn(common.value()))
                      .build();
            }
            out.onNext(status);
            out.onCompleted();
          }

          @Override
          public void raiseGeneration(
              RaiseGenerationRequest request, StreamObserver<TimelineStatusResponse> out) {
            real.raiseGeneration(request, out);
          }

          @Override
          public StreamObserver<StreamWalRequest> streamWal(StreamObserver<StreamWalResponse> out) {
            return real.streamWal(out);
          }
        };
    try (RpcServer proxy = RpcServer.start(new HostPort("127.0.0.1", 0), List.of(cut))) {
      client(3).pull(ID, List.of(address(1), new HostPort("127.0.0.1", proxy.port())), false);
    }
    assertThat(asked).hasValue(4);
    assertThat(client(3).status(ID).flushLsn()).isEqualTo(end);
    assertThat(client(3).status(ID).state().generation()).as("raised twice").isEqualTo(2);
  }

  /** Whoever opens the data directory next must have it alone. */
  @Test
  void closesOnlyOnceARebuildThatIsUnderWayHasEnded() throws Exception {
    diverge();
    CountDownLatch asked = new CountDownLatch(1);
    SafekeeperServiceGrpc.SafekeeperServiceBlockingStub real =
        SafekeeperServiceGrpc.newBlockingStub(channels.get(1));
    var silent =
        new SafekeeperServiceGrpc.SafekeeperServiceImplBase() {
          @Override
          public void timelineStatus(
              TimelineStatusRequest request, StreamObserver<TimelineStatusResponse> out) {
            Thread.ofVirtual()
                .start(() -> {
                  out.onNext(real.timelineStatus(request));
                  out.onCompleted();
                });
          }

          @Override
          public void raiseGeneration(
              RaiseGenerationRequest request, StreamObserver<TimelineStatusResponse> out) {
            Thread.ofVirtual()
                .start(() -> {
                  out.onNext(real.raiseGeneration(request));
                  out.onCompleted();
                });
          }

          @Override
          public StreamObserver<StreamWalRequest> streamWal(StreamObserver<StreamWalResponse> out) {
            asked.countDown();
            return new Inbox<>();
          }
        };
    Path staged = data(3).resolve("rebuilding");
    try (RpcServer proxy = RpcServer.start(new HostPort("127.0.0.1", 0), List.of(silent))) {
      HostPort donor = new HostPort("127.0.0.1", proxy.port());
      SafekeeperServiceGrpc.newStub(channels.get(2))
          .pullTimeline(
              SafekeeperClient.pullRequest(ID, List.of(address(1), donor), false), new Inbox<>());
      asked.await();
      assertThat(staged).isNotEmptyDirectory();
      nodes.get(2).close();
      assertThat(staged).as("what the rebuild was making").isEmptyDirectory();
    }
  }

  @Test
  void doesNotComeBackIfTheOthersHaveLostWhatWasCommitted() throws Exception {
    byte[] wal = records(2);
    new Conversation(1).lead(1).append(1, START, START.plus(wal.length), wal);
    Conversation other = new Conversation(2);
    other.ask(new Request.VoteRequest(0, 7));
    other.follow(7, new Reply.Vote(0, 7, true, START, START, START, TermHistory.EMPTY), START);
    assertThatThrownBy(() -> client(3).pull(ID, peersOf3(), false))
        .isInstanceOf(StorageException.Precondition.class)
        .hasMessageContaining("some other safekeeper has lost its data");
    assertThatThrownBy(() -> client(3).status(ID)).isInstanceOf(StorageException.NotFound.class);
  }
}
