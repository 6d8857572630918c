package io.coppice.pageserver.receiver;

import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.proto.v1.PageserverFeedback;
import io.coppice.proto.v1.SafekeeperServiceGrpc;
import io.coppice.proto.v1.StartStream;
import io.coppice.proto.v1.StreamWalRequest;
import io.coppice.proto.v1.StreamWalResponse;
import io.grpc.Channel;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * One call of StreamWal. What arrives waits in a queue that flow control keeps short: the
 * safekeeper is asked for a message only when one was taken.
 */
final class WalStream implements AutoCloseable {
  /** Messages in flight or waiting. */
  private static final int MESSAGES_MAX = 8;

  /** Something that arrived. */
  sealed interface Event {
    record Data(StreamWalResponse response) implements Event {}

    /** Nothing more will come. */
    record Ended(Status status) implements Event {}
  }

  private final BlockingQueue<Event> events = new ArrayBlockingQueue<>(MESSAGES_MAX + 2);
  private @Nullable ClientCallStreamObserver<StreamWalRequest> requests;

  private WalStream() {}

  /** Asks for committed WAL from a position on. */
  static WalStream open(Channel channel, TenantTimelineId timeline, Lsn start) {
    WalStream stream = new WalStream();
    var call =
        (ClientCallStreamObserver<StreamWalRequest>)
            SafekeeperServiceGrpc.newStub(channel).streamWal(stream.new Responses());
    stream.requests = call;
    call.onNext(
        StreamWalRequest.newBuilder()
            .setStart(
                StartStream.newBuilder()
                    .setTenantId(timeline.tenant().toString())
                    .setTimelineId(timeline.timeline().toString())
                    .setStartLsn(start.value()))
            .build());
    return stream;
  }

  /** What arrived next; null if nothing does in time. */
  @Nullable Event poll(long timeoutMillis) throws InterruptedException {
    return events.poll(timeoutMillis, TimeUnit.MILLISECONDS);
  }

  /** Makes room for one more message; to be called once for each that was dealt with. */
  void taken() {
    if (requests != null) {
      requests.request(1);
    }
  }

  void report(PageserverFeedback feedback) {
    if (requests != null && requests.isReady()) {
      requests.onNext(StreamWalRequest.newBuilder().setFeedback(feedback).build());
    }
  }

  @Override
  public void close() {
    if (requests != null) {
      requests.cancel("the page server left", null);
    }
  }

  private final class Responses
      implements ClientResponseObserver<StreamWalRequest, StreamWalResponse> {
    @Override
    public void beforeStart(ClientCallStreamObserver<StreamWalRequest> stream) {
      stream.disableAutoRequestWithInitial(MESSAGES_MAX);
    }

    @Override
    public void onNext(StreamWalResponse response) {
      offer(new Event.Data(response));
    }

    @Override
    public void onError(Throwable failure) {
      offer(new Event.Ended(Status.fromThrowable(failure)));
    }

    @Override
    public void onCompleted() {
      offer(new Event.Ended(Status.OK));
    }

    /** There is room: no more messages come than were asked for, and one end. */
    private void offer(Event event) {
      if (!events.offer(event)) {
        close();
      }
    }
  }
}
