package io.coppice.bench;

import io.coppice.common.id.RelationTag;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.platform.Clock;
import io.coppice.common.rpc.HostPort;
import io.coppice.common.rpc.RpcChannel;
import io.coppice.common.rpc.RpcHeaders;
import io.coppice.proto.page.GetPageClass;
import io.coppice.proto.page.GetPageRequest;
import io.coppice.proto.page.GetPageResponse;
import io.coppice.proto.page.GetPageStatusCode;
import io.coppice.proto.page.PageServiceGrpc;
import io.coppice.proto.page.ReadLsn;
import io.coppice.proto.page.RelTag;
import io.coppice.proto.page.RequestID;
import io.grpc.ManagedChannel;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.grpc.stub.MetadataUtils;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Reads random pages of one relation on one stream, with a fixed number of requests outstanding:
 * each answer sends the next request. Everything happens on the event loop.
 */
final class PageStream implements ClientResponseObserver<GetPageRequest, GetPageResponse> {
  private static final long NEWEST = -1L;
  private static final long GRACE_SECONDS = 60;

  private final RelationTag relation;
  private final int blocks;
  private final int outstanding;
  private final int pagesPerRequest;
  private final long endNanos;
  private final SplittableRandom random = new SplittableRandom(42);
  private final CompletableFuture<Long> finished = new CompletableFuture<>();
  private Optional<ClientCallStreamObserver<GetPageRequest>> requests = Optional.empty();
  private long nextId;
  private long pages;
  private int inFlight;

  private PageStream(
      RelationTag relation, int blocks, int outstanding, int pagesPerRequest, long endNanos) {
    this.relation = relation;
    this.blocks = blocks;
    this.outstanding = outstanding;
    this.pagesPerRequest = pagesPerRequest;
    this.endNanos = endNanos;
  }

  /**
   * Reads for some seconds.
   *
   * @param blocks of the relation
   * @return pages per second
   */
  static double pagesPerSecond(
      HostPort server,
      TenantTimelineId timeline,
      RelationTag relation,
      int blocks,
      int outstanding,
      int pagesPerRequest,
      double seconds)
      throws BenchFailure, InterruptedException {
    ManagedChannel channel = RpcChannel.open(server);
    try {
      long startNanos = Clock.SYSTEM.monotonicNanos();
      PageStream stream =
          new PageStream(
              relation, blocks, outstanding, pagesPerRequest, startNanos + (long) (seconds * 1e9));
      PageServiceGrpc.newStub(channel)
          .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(RpcHeaders.of(timeline)))
          .getPages(stream);
      long read = stream.finished.get((long) seconds + GRACE_SECONDS, TimeUnit.SECONDS);
      return read / ((Clock.SYSTEM.monotonicNanos() - startNanos) / 1e9);
    } catch (ExecutionException | TimeoutException e) {
      throw new BenchFailure("reading pages from %s failed: %s".formatted(server, e));
    } finally {
      channel.shutdownNow();
    }
  }

  @Override
  public void beforeStart(ClientCallStreamObserver<GetPageRequest> stream) {
    requests = Optional.of(stream);
    stream.setOnReadyHandler(this::fill);
  }

  private void fill() {
    while (inFlight < outstanding && requests.orElseThrow().isReady()) {
      send();
    }
  }

  private void send() {
    inFlight++;
    requests.orElseThrow().onNext(request(nextId++, relation, random, blocks, pagesPerRequest));
  }

  /** A request for random pages, as they are now. */
  static GetPageRequest request(
      long id, RelationTag relation, SplittableRandom random, int blocks, int pages) {
    GetPageRequest.Builder request =
        GetPageRequest.newBuilder()
            .setRequestId(RequestID.newBuilder().setId(id))
            .setRequestClass(GetPageClass.GET_PAGE_CLASS_NORMAL)
            .setReadLsn(ReadLsn.newBuilder().setRequestLsn(NEWEST))
            .setRel(
                RelTag.newBuilder()
                    .setSpcOid(relation.spcOid())
                    .setDbOid(relation.dbOid())
                    .setRelNumber(relation.relNumber())
                    .setForkNumber(relation.fork()));
    for (int i = 0; i < pages; i++) {
      request.addBlockNumber(random.nextInt(blocks));
    }
    return request.build();
  }

  @Override
  public void onNext(GetPageResponse response) {
    inFlight--;
    if (response.getStatusCode() != GetPageStatusCode.GET_PAGE_STATUS_CODE_OK
        || response.getPageCount() != pagesPerRequest) {
      finished.completeExceptionally(
          new IllegalStateException(
              "%s %s".formatted(response.getStatusCode(), response.getReason())));
      return;
    }
    pages += response.getPageCount();
    if (Clock.SYSTEM.monotonicNanos() < endNanos) {
      send();
    } else if (inFlight == 0) {
      requests.orElseThrow().onCompleted();
      finished.complete(pages);
    }
  }

  @Override
  public void onError(Throwable failure) {
    finished.completeExceptionally(failure);
  }

  @Override
  public void onCompleted() {
    finished.complete(pages);
  }
}
