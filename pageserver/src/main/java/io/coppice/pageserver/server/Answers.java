package io.coppice.pageserver.server;

import io.coppice.common.error.Invariant;
import io.coppice.common.rpc.RpcStatus;
import io.grpc.Context;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Answers of unary calls, on the event loop or on a virtual thread. */
final class Answers {
  private static final Logger log = LoggerFactory.getLogger(Answers.class);

  private Answers() {}

  /** Makes an answer, or fails. */
  @FunctionalInterface
  interface Answer<A> {
    A make() throws Exception;
  }

  /** Answers on this thread: nothing in it may block. */
  static <A> void now(StreamObserver<A> out, Answer<A> answer) {
    A made;
    try {
      made = answer.make();
    } catch (Exception | Invariant.Violation e) {
      fail(out, e);
      return;
    }
    if (!isCancelled(out)) {
      out.onNext(made);
      out.onCompleted();
    }
  }

  private static boolean isCancelled(StreamObserver<?> out) {
    return out instanceof ServerCallStreamObserver<?> call && call.isCancelled();
  }

  /** Answers on a virtual thread. */
  static <A> void later(StreamObserver<A> out, Answer<A> answer) {
    onThread(() -> now(out, answer));
  }

  /** Runs on a virtual thread, with the call's deadline. */
  static void onThread(Runnable task) {
    var _ = Thread.ofVirtual().name("call").start(Context.current().wrap(task));
  }

  static void fail(StreamObserver<?> out, Throwable failure) {
    if (failure instanceof InterruptedException) {
      Thread.currentThread().interrupt();
    }
    if (isCancelled(out)) {
      log.debug("the client left: {}", failure.toString());
      return;
    }
    Status status = statusOf(failure);
    if (status.getCode() == Status.Code.DATA_LOSS) {
      log.error("a call found damage: {}", status.getDescription());
    } else if (status.getCode() == Status.Code.INTERNAL) {
      log.error("a call failed", failure);
    }
    out.onError(status.asRuntimeException());
  }

  /** For what a client still sends on a call that has failed. */
  static <Q> StreamObserver<Q> ignoring() {
    return new StreamObserver<>() {
      @Override
      public void onNext(Q request) {}

      @Override
      public void onError(Throwable failure) {}

      @Override
      public void onCompleted() {}
    };
  }

  static Status statusOf(Throwable failure) {
    return failure instanceof InterruptedException
        ? Status.UNAVAILABLE.withDescription("the page server stops")
        : RpcStatus.of(failure);
  }
}
