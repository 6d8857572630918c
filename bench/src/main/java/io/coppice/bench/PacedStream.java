package io.coppice.bench;

import io.coppice.common.id.RelationTag;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.platform.Clock;
import io.coppice.common.rpc.HostPort;
import io.coppice.common.rpc.RpcChannel;
import io.coppice.common.rpc.RpcHeaders;
import io.coppice.proto.page.GetPageResponse;
import io.coppice.proto.page.GetPageStatusCode;
import io.coppice.proto.page.PageServiceGrpc;
import io.grpc.ManagedChannel;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Asks for random pages, one to a request, at a fixed rate whether answers come or not, and takes
 * the time of each from the moment at which it was due: a server that stands still for a while is
 * seen in all requests of that while.
 */
final class PacedStream implements StreamObserver<GetPageResponse> {
  private static final long TICK_NANOS = 100_000;
  private static final long GRACE_SECONDS = 60;

  private final long[] dueNanos;
  private final long[] tookNanos;
  private final CountDownLatch ended = new CountDownLatch(1);
  private volatile int answered;
  private volatile String failure = "";

  private PacedStream(int requests) {
    dueNanos = new long[requests];
    tookNanos = new long[requests];
  }

  /**
   * Reads for some seconds.
   *
   * @param blocks of the relation
   * @param warmUpSeconds of those, at the begin, which do not count
   * @return how long each request took
   */
  static Percentiles measure(
      HostPort server,
      TenantTimelineId timeline,
      RelationTag relation,
      int blocks,
      double requestsPerSecond,
      double warmUpSeconds,
      double seconds)
      throws BenchFailure, InterruptedException {
    PacedStream stream = new PacedStream((int) Math.max(1, requestsPerSecond * seconds));
    ManagedChannel channel = RpcChannel.open(server);
    try {
      var requests =
          PageServiceGrpc.newStub(channel)
              .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(RpcHeaders.of(timeline)))
              .getPages(stream);
      SplittableRandom random = new SplittableRandom(43);
      double intervalNanos = 1e9 / requestsPerSecond;
      long startNanos = Clock.SYSTEM.monotonicNanos();
      int sent = 0;
      while (sent < stream.dueNanos.length && stream.failure.isEmpty()) {
        long due = startNanos + (long) (sent * intervalNanos);
        if (Clock.SYSTEM.monotonicNanos() < due) {
          LockSupport.parkNanos(TICK_NANOS);
          continue;
        }
        stream.dueNanos[sent] = due;
        requests.onNext(PageStream.request(sent, relation, random, blocks, 1));
        sent++;
      }
      requests.onCompleted();
      if (!stream.ended.await(GRACE_SECONDS, TimeUnit.SECONDS)) {
        throw new BenchFailure("%s does not answer".formatted(server));
      }
    } finally {
      channel.shutdownNow();
    }
    if (!stream.failure.isEmpty() || stream.answered < stream.dueNanos.length) {
      throw new BenchFailure(
          "%d of %d requests were answered: %s"
              .formatted(stream.answered, stream.dueNanos.length, stream.failure));
    }
    int first = (int) (requestsPerSecond * warmUpSeconds);
    return new Percentiles(Arrays.copyOfRange(stream.tookNanos, first, stream.answered));
  }

  /** Answers come in the order of their requests. */
  @Override
  public void onNext(GetPageResponse response) {
    int index = answered;
    if (response.getStatusCode() != GetPageStatusCode.GET_PAGE_STATUS_CODE_OK
        || response.getRequestId().getId() != index) {
      failure = "%s %s".formatted(response.getStatusCode(), response.getReason());
      return;
    }
    tookNanos[index] = Clock.SYSTEM.monotonicNanos() - dueNanos[index];
    answered = index + 1;
  }

  @Override
  public void onError(Throwable reason) {
    failure = reason.toString();
    ended.countDown();
  }

  @Override
  public void onCompleted() {
    ended.countDown();
  }
}
