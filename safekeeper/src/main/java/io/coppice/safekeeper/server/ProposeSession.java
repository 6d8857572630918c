package io.coppice.safekeeper.server;

import io.coppice.common.error.StorageException;
import io.coppice.common.rpc.RpcStatus;
import io.coppice.proto.v1.AcceptorMessage;
import io.coppice.proto.v1.ProposerMessage;
import io.coppice.safekeeper.client.ReplyCodec;
import io.coppice.safekeeper.client.RequestCodec;
import io.coppice.safekeeper.consensus.Reply;
import io.coppice.safekeeper.consensus.Request;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * One proposer's conversation. Its messages come in on the event loop and go to the timeline's
 * worker, which answers; at most {@link #MESSAGES_OUTSTANDING_MAX} are on the way.
 */
final class ProposeSession implements StreamObserver<ProposerMessage> {
  private static final int MESSAGES_OUTSTANDING_MAX = 64;

  private final ServerCallStreamObserver<AcceptorMessage> out;
  private final TimelineRegistry registry;
  private final Executor pool;

  private volatile boolean ended;
  private volatile @Nullable TimelineWorker worker;

  // Of the newest vote request or election; written by the worker only.
  private volatile long term;
  private int generation;

  ProposeSession(
      ServerCallStreamObserver<AcceptorMessage> out, TimelineRegistry registry, Executor pool) {
    this.out = out;
    this.registry = registry;
    this.pool = pool;
    out.disableAutoRequest();
    out.setOnCancelHandler(this::end);
    out.request(1);
  }

  @Override
  public void onNext(ProposerMessage message) {
    Request request;
    try {
      request = RequestCodec.fromProto(message);
    } catch (StorageException.Invalid malformed) {
      fail(malformed);
      return;
    }
    TimelineWorker known = worker;
    if (known != null) {
      known.submit(this, request);
    } else if (request instanceof Request.Greeting greeting) {
      pool.execute(() -> open(greeting));
    } else {
      fail(new StorageException.Invalid("a proposer's first message must be a greeting"));
    }
  }

  /** Nothing more was asked for yet, so no message overtakes the greeting. */
  private void open(Request.Greeting greeting) {
    try {
      TimelineWorker opened = registry.openOrCreate(greeting);
      worker = opened;
      opened.submit(this, greeting);
      if (ended) {
        opened.leave(this);
      }
      out.request(MESSAGES_OUTSTANDING_MAX - 1);
    } catch (StorageException refused) {
      fail(refused);
    } catch (IOException e) {
      fail(new StorageException.Transient("cannot open the timeline: " + e, e));
    }
  }

  void requestMore() {
    if (!ended) {
      out.request(1);
    }
  }

  synchronized void send(Reply reply) {
    if (!ended) {
      out.onNext(ReplyCodec.toProto(reply));
    }
  }

  synchronized void fail(StorageException failure) {
    if (!ended) {
      ended = true;
      out.onError(RpcStatus.of(failure).asRuntimeException());
    }
  }

  boolean hasEnded() {
    return ended;
  }

  long term() {
    return term;
  }

  int generation() {
    return generation;
  }

  void campaigned(int inGeneration, long inTerm) {
    generation = inGeneration;
    term = inTerm;
  }

  private void end() {
    ended = true;
    TimelineWorker known = worker;
    if (known != null) {
      known.leave(this);
    }
  }

  @Override
  public void onError(Throwable failure) {
    end();
  }

  @Override
  public synchronized void onCompleted() {
    if (!ended) {
      end();
      out.onCompleted();
    }
  }
}
