package io.coppice.safekeeper.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** What came over a stream, for a test to take. */
final class Inbox<T> implements StreamObserver<T> {
  private final LinkedBlockingQueue<T> messages = new LinkedBlockingQueue<>();
  private final CompletableFuture<Status> ended = new CompletableFuture<>();

  @Override
  public void onNext(T message) {
    messages.add(message);
  }

  @Override
  public void onError(Throwable failure) {
    ended.complete(Status.fromThrowable(failure));
  }

  @Override
  public void onCompleted() {
    ended.complete(Status.OK);
  }

  T take() throws InterruptedException {
    T message = messages.poll(20, TimeUnit.SECONDS);
    assertThat(message).as("a message (ended: %s)", ended.getNow(Status.OK)).isNotNull();
    return Objects.requireNonNull(message);
  }

  void assertSilent() throws InterruptedException {
    assertThat(messages.poll(150, TimeUnit.MILLISECONDS)).isNull();
  }

  Status end() throws Exception {
    return ended.get(20, TimeUnit.SECONDS);
  }
}
