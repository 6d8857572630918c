package io.coppice.compute.storage;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.proto.page.GetPageClass;
import io.coppice.proto.page.GetPageRequest;
import io.coppice.proto.page.GetPageResponse;
import io.coppice.proto.page.GetPageStatusCode;
import io.coppice.proto.page.Page;
import io.coppice.proto.page.PageServiceGrpc;
import io.coppice.proto.page.RequestID;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.stub.StreamObserver;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/** One request on a page stream of its own. */
final class PageCall {

  private PageCall() {}

  static List<byte[]> read(
      PageServiceGrpc.PageServiceStub stub, RelationTag relation, List<Integer> blocks, Lsn lsn)
      throws StorageException {
    GetPageRequest request =
        GetPageRequest.newBuilder()
            .setRequestId(RequestID.newBuilder().setId(1))
            .setRequestClass(GetPageClass.GET_PAGE_CLASS_NORMAL)
            .setReadLsn(WireCodec.readAt(lsn))
            .setRel(WireCodec.relation(relation))
            .addAllBlockNumber(blocks)
            .build();
    CompletableFuture<GetPageResponse> answer = new CompletableFuture<>();
    StreamObserver<GetPageRequest> requests = stub.getPages(observer(answer));
    requests.onNext(request);
    requests.onCompleted();
    GetPageResponse response = await(answer);
    if (response.getStatusCode() != GetPageStatusCode.GET_PAGE_STATUS_CODE_OK) {
      throw WireCodec.pageFailure(response);
    }
    if (response.getPageCount() != blocks.size()) {
      throw new StorageException.Corrupt(
          "malformed answer of the page server: %d pages for %d blocks"
              .formatted(response.getPageCount(), blocks.size()));
    }
    List<byte[]> pages = new ArrayList<>(blocks.size());
    for (Page page : response.getPageList()) {
      pages.add(page.getImage().toByteArray());
    }
    return pages;
  }

  private static StreamObserver<GetPageResponse> observer(
      CompletableFuture<GetPageResponse> answer) {
    return new StreamObserver<>() {
      @Override
      public void onNext(GetPageResponse response) {
        answer.complete(response);
      }

      @Override
      public void onError(Throwable failure) {
        answer.completeExceptionally(failure);
      }

      @Override
      public void onCompleted() {
        answer.completeExceptionally(
            Status.INTERNAL.withDescription("page stream ended early").asRuntimeException());
      }
    };
  }

  private static GetPageResponse await(CompletableFuture<GetPageResponse> answer)
      throws StorageException {
    try {
      return answer.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new StorageException.Transient("interrupted while waiting for a page", e);
    } catch (ExecutionException e) {
      throw e.getCause() instanceof StatusRuntimeException status
          ? status
          : Status.fromThrowable(Objects.requireNonNull(e.getCause())).asRuntimeException();
    }
  }
}
