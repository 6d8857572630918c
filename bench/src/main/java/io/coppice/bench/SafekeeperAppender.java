package io.coppice.bench;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.rpc.HostPort;
import io.coppice.common.rpc.RpcChannel;
import io.coppice.proto.v1.AcceptorMessage;
import io.coppice.proto.v1.ProposerMessage;
import io.coppice.proto.v1.SafekeeperServiceGrpc;
import io.coppice.safekeeper.client.ReplyCodec;
import io.coppice.safekeeper.client.RequestCodec;
import io.coppice.safekeeper.consensus.Reply;
import io.coppice.safekeeper.consensus.Request;
import io.coppice.safekeeper.consensus.TermHistory;
import io.coppice.safekeeper.consensus.TermSwitch;
import io.coppice.safekeeper.consensus.TimelineProperties;
import io.grpc.ManagedChannel;
import io.grpc.stub.StreamObserver;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;

/** The least that can have one safekeeper append WAL: a proposer that has it alone. */
final class SafekeeperAppender implements AutoCloseable {
  private static final long TIMEOUT_SECONDS = 60;
  private static final int TERM = 1;

  private final ManagedChannel channel;
  private final BlockingQueue<Reply> replies = new ArrayBlockingQueue<>(1024);
  private final StreamObserver<ProposerMessage> out;
  private Lsn acknowledged;
  private volatile boolean closed;

  private SafekeeperAppender(HostPort safekeeper, Lsn start) {
    channel = RpcChannel.open(safekeeper);
    acknowledged = start;
    out = SafekeeperServiceGrpc.newStub(channel).propose(new Replies());
  }

  /** Makes a timeline there and leads it. */
  static SafekeeperAppender open(HostPort safekeeper, TimelineProperties timeline)
      throws BenchFailure, InterruptedException {
    Lsn start = timeline.startLsn();
    SafekeeperAppender appender = new SafekeeperAppender(safekeeper, start);
    appender.send(new Request.Greeting(0, 0, timeline, true));
    appender.next(Reply.Greeted.class);
    appender.send(new Request.VoteRequest(0, TERM));
    appender.next(Reply.Vote.class);
    TermHistory history = new TermHistory(List.of(new TermSwitch(TERM, start)));
    appender.send(new Request.Elected(0, TERM, start, history));
    appender.next(Reply.Following.class);
    return appender;
  }

  private void send(Request request) {
    out.onNext(RequestCodec.toProto(request));
  }

  private <T extends Reply> T next(Class<T> type) throws BenchFailure, InterruptedException {
    Reply reply = replies.poll(TIMEOUT_SECONDS, TimeUnit.SECONDS);
    if (!type.isInstance(reply)) {
      throw new BenchFailure("the safekeeper answered %s".formatted(reply));
    }
    return type.cast(reply);
  }

  /** Has bytes appended; does not wait. */
  void append(Lsn begin, ByteBuffer data) {
    send(new Request.Append(0, TERM, begin, acknowledged, acknowledged, data));
  }

  /** Waits until all up to a position is durable there. */
  void awaitDurable(Lsn position) throws BenchFailure, InterruptedException {
    while (acknowledged.isBefore(position)) {
      acknowledged = next(Reply.Appended.class).durableLsn();
    }
  }

  @Override
  public void close() {
    closed = true;
    out.onCompleted();
    channel.shutdownNow();
  }

  /** Whatever is no answer becomes one that nobody expects. */
  private final class Replies implements StreamObserver<AcceptorMessage> {
    @Override
    public void onNext(AcceptorMessage message) {
      try {
        replies.add(ReplyCodec.fromProto(message));
      } catch (StorageException.Invalid malformed) {
        onError(malformed);
      }
    }

    @Override
    public void onError(Throwable failure) {
      if (!closed) {
        System.err.println("bench: the safekeeper ended the conversation: " + failure);
      }
    }

    @Override
    public void onCompleted() {
      // nobody waits any more
    }
  }
}
