package io.coppice.bench;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import io.coppice.common.rpc.HostPort;
import io.coppice.common.rpc.RpcServer;
import io.coppice.proto.page.GetPageRequest;
import io.coppice.proto.page.GetPageResponse;
import io.coppice.proto.page.GetPageStatusCode;
import io.coppice.proto.page.Page;
import io.coppice.proto.page.PageServiceGrpc;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;

/** Answers page requests with the same page at once: what gRPC alone can do on this machine. */
final class EchoServer extends PageServiceGrpc.PageServiceImplBase {
  private static final int PAGE_SIZE_BYTES = 8192;
  private static final int REQUESTS_MAX = 64;

  private final ByteString image;

  private EchoServer() {
    byte[] bytes = new byte[PAGE_SIZE_BYTES];
    new SplittableRandom(1).nextBytes(bytes);
    image = UnsafeByteOperations.unsafeWrap(bytes);
  }

  /** Listens until killed. The argument is the address. */
  public static void main(String[] arguments) throws IOException, InterruptedException {
    try (RpcServer server =
        RpcServer.start(HostPort.parse(arguments[0]), List.of(new EchoServer()))) {
      System.out.println("echo on port " + server.port());
      new CountDownLatch(1).await();
    }
  }

  /** As a page server does, it takes no more in while the client does not read its answers. */
  @Override
  public StreamObserver<GetPageRequest> getPages(StreamObserver<GetPageResponse> out) {
    var answers = (ServerCallStreamObserver<GetPageResponse>) out;
    answers.disableAutoRequest();
    AtomicInteger owed = new AtomicInteger();
    answers.setOnReadyHandler(() -> {
      int due = owed.getAndSet(0);
      if (due > 0) {
        answers.request(due);
      }
    });
    answers.request(REQUESTS_MAX);
    return new StreamObserver<>() {
      @Override
      public void onNext(GetPageRequest request) {
        GetPageResponse.Builder response =
            GetPageResponse.newBuilder()
                .setRequestId(request.getRequestId())
                .setStatusCode(GetPageStatusCode.GET_PAGE_STATUS_CODE_OK)
                .setRel(request.getRel());
        for (int block : request.getBlockNumberList()) {
          response.addPage(Page.newBuilder().setBlockNumber(block).setImage(image));
        }
        answers.onNext(response.build());
        if (answers.isReady()) {
          answers.request(1);
        } else {
          owed.incrementAndGet();
        }
      }

      @Override
      public void onError(Throwable failure) {}

      @Override
      public void onCompleted() {
        answers.onCompleted();
      }
    };
  }
}
