package io.coppice.compute.storage;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import io.coppice.common.rpc.HostPort;
import io.coppice.common.rpc.RpcServer;
import io.coppice.proto.page.GetBaseBackupRequest;
import io.coppice.proto.page.GetBaseBackupResponseChunk;
import io.coppice.proto.page.GetPageRequest;
import io.coppice.proto.page.GetPageResponse;
import io.coppice.proto.page.GetPageStatusCode;
import io.coppice.proto.page.Page;
import io.coppice.proto.page.PageServiceGrpc;
import io.coppice.proto.v1.Branch;
import io.coppice.proto.v1.CreateBranchRequest;
import io.coppice.proto.v1.GetBranchRequest;
import io.coppice.proto.v1.ImportHeader;
import io.coppice.proto.v1.ImportTenantRequest;
import io.coppice.proto.v1.Tenant;
import io.coppice.proto.v1.TimelineServiceGrpc;
import io.coppice.proto.v1.WaitForLsnRequest;
import io.grpc.Status;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** A server of the real wire that keeps what is imported and gives back what it was told to. */
public final class FakePageserver implements AutoCloseable {
  private final RpcServer server;
  private final ByteArrayOutputStream imported = new ByteArrayOutputStream();
  private final AtomicInteger chunksSent = new AtomicInteger();
  private volatile @Nullable ImportHeader header;
  private volatile boolean importStalled;
  private volatile @Nullable ServerCallStreamObserver<Tenant> stalledImport;
  private volatile byte[] backup = new byte[0];
  private volatile Status backupEnd = Status.OK;
  private volatile long importSizeBytesMax = Long.MAX_VALUE;

  public FakePageserver() throws IOException {
    server = RpcServer.start(new HostPort("127.0.0.1", 0), List.of(new Timelines(), new Pages()));
  }

  public PageserverClient client() {
    return PageserverClient.open(new HostPort("127.0.0.1", server.port()));
  }

  /** The tar of the last import. */
  public byte[] imported() {
    return imported.toByteArray();
  }

  public @Nullable ImportHeader header() {
    return header;
  }

  /** Refuses imports larger than this in their midst. */
  public void refuseImportsAbove(long sizeBytes) {
    importSizeBytesMax = sizeBytes;
  }

  /** Reads nothing of the next import until told to. */
  void stallImport() {
    importStalled = true;
  }

  void resumeImport() {
    ServerCallStreamObserver<Tenant> stalled = stalledImport;
    if (stalled != null) {
      stalled.request(Integer.MAX_VALUE);
    }
  }

  void serveBackup(byte[] bytes, Status end) {
    backup = bytes;
    backupEnd = end;
  }

  int chunksSent() {
    return chunksSent.get();
  }

  static Branch branch(String tenant, String timeline, String name) {
    return Branch.newBuilder()
        .setTenantId(tenant)
        .setTimelineId(timeline)
        .setName(name)
        .setStartLsn(0x1000028L)
        .setLastRecordLsn(0x1000100L)
        .setPgVersion(15)
        .setSystemId(-7)
        .setWalSegmentSizeBytes(16 << 20)
        .build();
  }

  @Override
  public void close() {
    server.close();
  }

  private final class Timelines extends TimelineServiceGrpc.TimelineServiceImplBase {
    @Override
    public StreamObserver<ImportTenantRequest> importTenant(StreamObserver<Tenant> responses) {
      imported.reset();
      if (importStalled) {
        var stream = (ServerCallStreamObserver<Tenant>) responses;
        stream.disableAutoRequest();
        stalledImport = stream;
      }
      return new StreamObserver<>() {
        private boolean refused;

        @Override
        public void onNext(ImportTenantRequest request) {
          if (request.hasHeader()) {
            header = request.getHeader();
            return;
          }
          imported.writeBytes(request.getChunk().toByteArray());
          if (imported.size() > importSizeBytesMax && !refused) {
            refused = true;
            responses.onError(
                Status.ALREADY_EXISTS.withDescription("tenant exists").asRuntimeException());
          }
        }

        @Override
        public void onError(Throwable failure) {}

        @Override
        public void onCompleted() {
          ImportHeader from = java.util.Objects.requireNonNull(header);
          Branch root = branch(from.getTenantId(), from.getTimelineId(), from.getBranchName());
          responses.onNext(
              Tenant.newBuilder()
                  .setTenantId(from.getTenantId())
                  .setName(from.getName())
                  .setPgVersion(15)
                  .setRoot(root)
                  .build());
          responses.onCompleted();
        }
      };
    }

    @Override
    public void getBranch(GetBranchRequest request, StreamObserver<Branch> responses) {
      if (request.getBranch().equals("malformed")) {
        responses.onNext(branch(request.getTenantId(), "not-an-id", "malformed"));
        responses.onCompleted();
        return;
      }
      responses.onError(
          Status.NOT_FOUND
              .withDescription("no branch \"" + request.getBranch() + "\"")
              .asRuntimeException());
    }

    @Override
    public void createBranch(CreateBranchRequest request, StreamObserver<Branch> responses) {
      Branch branch = branch(request.getTenantId(), request.getTimelineId(), request.getName());
      responses.onNext(
          branch.toBuilder()
              .setAncestorName(request.getParent())
              .setStartLsn(request.getLsn())
              .setCreatedAt(request.getTime())
              .build());
      responses.onCompleted();
    }

    @Override
    public void waitForLsn(WaitForLsnRequest request, StreamObserver<Branch> responses) {
      // Never answers: the deadline ends it.
    }
  }

  private final class Pages extends PageServiceGrpc.PageServiceImplBase {
    @Override
    public void getBaseBackup(
        GetBaseBackupRequest request, StreamObserver<GetBaseBackupResponseChunk> responses) {
      var stream = (ServerCallStreamObserver<GetBaseBackupResponseChunk>) responses;
      int chunkSizeBytes = 256 * 1024;
      stream.setOnReadyHandler(() -> {
        while (stream.isReady()) {
          int from = chunksSent.get() * chunkSizeBytes;
          if (from >= backup.length) {
            if (backupEnd.isOk()) {
              stream.onCompleted();
            } else {
              stream.onError(backupEnd.asRuntimeException());
            }
            return;
          }
          int size = Math.min(chunkSizeBytes, backup.length - from);
          ByteString chunk = UnsafeByteOperations.unsafeWrap(backup, from, size);
          stream.onNext(GetBaseBackupResponseChunk.newBuilder().setChunk(chunk).build());
          chunksSent.incrementAndGet();
        }
      });
    }

    @Override
    public StreamObserver<GetPageRequest> getPages(StreamObserver<GetPageResponse> responses) {
      return new StreamObserver<>() {
        @Override
        public void onNext(GetPageRequest request) {
          responses.onNext(answer(request));
        }

        @Override
        public void onError(Throwable failure) {}

        @Override
        public void onCompleted() {
          responses.onCompleted();
        }
      };
    }

    private GetPageResponse answer(GetPageRequest request) {
      GetPageResponse.Builder response =
          GetPageResponse.newBuilder().setRequestId(request.getRequestId());
      for (int block : request.getBlockNumberList()) {
        if (block == 404) {
          return response
              .setStatusCode(GetPageStatusCode.GET_PAGE_STATUS_CODE_INVALID_REQUEST)
              .setReason("LSN is outside the window")
              .clearPage()
              .build();
        }
        byte[] image = new byte[8192];
        image[0] = (byte) block;
        response.addPage(
            Page.newBuilder().setBlockNumber(block).setImage(ByteString.copyFrom(image)));
      }
      return response.setStatusCode(GetPageStatusCode.GET_PAGE_STATUS_CODE_OK).build();
    }
  }
}
