package io.coppice.pageserver.server;

import com.google.protobuf.ByteString;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.objectstore.ObjectStoreConfig;
import io.coppice.common.platform.Clock;
import io.coppice.common.rpc.HostPort;
import io.coppice.common.rpc.RpcChannel;
import io.coppice.common.rpc.RpcHeaders;
import io.coppice.pageserver.gc.GcSettings;
import io.coppice.pageserver.maintenance.LayerEviction;
import io.coppice.pageserver.receiver.ReceiverConfig;
import io.coppice.pageserver.timeline.UpkeepLimits;
import io.coppice.proto.page.GetBaseBackupRequest;
import io.coppice.proto.page.GetPageRequest;
import io.coppice.proto.page.GetPageResponse;
import io.coppice.proto.page.PageServiceGrpc;
import io.coppice.proto.page.ReadLsn;
import io.coppice.proto.page.RelTag;
import io.coppice.proto.page.RequestID;
import io.coppice.proto.v1.Branch;
import io.coppice.proto.v1.ImportHeader;
import io.coppice.proto.v1.ImportTenantRequest;
import io.coppice.proto.v1.Tenant;
import io.coppice.proto.v1.TimelineServiceGrpc;
import io.coppice.proto.v1.WaitForLsnRequest;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.stub.MetadataUtils;
import io.grpc.stub.StreamObserver;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.jspecify.annotations.Nullable;

/** A page server on a free port, and a client of it. */
final class Servers implements AutoCloseable {
  static final TenantTimelineId ROOT =
      new TenantTimelineId(new TenantId(1, 1), new TimelineId(2, 2));
  static final ReceiverConfig HASTY = new ReceiverConfig(16, 500, 1_000, 20, 200, 20);
  private static final int CHUNK_SIZE_BYTES = 100_000;

  private final Path directory;
  private final List<HostPort> safekeepers = new ArrayList<>();
  private final long lsnWaitMillis;
  private @Nullable Pageserver server;
  private @Nullable ManagedChannel channel;

  Servers(Path directory, long lsnWaitMillis) {
    this.directory = directory;
    this.lsnWaitMillis = lsnWaitMillis;
  }

  Servers follows(HostPort safekeeper) {
    safekeepers.add(safekeeper);
    return this;
  }

  Servers start() throws Exception {
    server =
        Pageserver.start(
            new PageserverConfig(
                directory.resolve("pageserver"),
                new HostPort("127.0.0.1", 0),
                safekeepers,
                ObjectStoreConfig.ofDirectory(directory.resolve("objects")),
                1 << 20,
                1 << 20,
                PageserverConfig.EXPIRY_GRACE_MILLIS_DEFAULT,
                LayerEviction.Limits.NONE,
                lsnWaitMillis,
                UpkeepLimits.DEFAULTS,
                GcSettings.DEFAULTS,
                Duration.ZERO),
            Clock.SYSTEM,
            HASTY);
    channel = RpcChannel.open(new HostPort("127.0.0.1", server.port()));
    return this;
  }

  TimelineServiceGrpc.TimelineServiceBlockingStub timelines() {
    return TimelineServiceGrpc.newBlockingStub(channel).withDeadlineAfter(60, TimeUnit.SECONDS);
  }

  PageServiceGrpc.PageServiceBlockingStub pages(TenantTimelineId timeline) {
    return PageServiceGrpc.newBlockingStub(channel)
        .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(RpcHeaders.of(timeline)))
        .withDeadlineAfter(60, TimeUnit.SECONDS);
  }

  PageServiceGrpc.PageServiceBlockingStub pagesWithoutHeaders() {
    return PageServiceGrpc.newBlockingStub(channel);
  }

  Tenant importTar(byte[] tar) throws Exception {
    return importTar(tar, "acme");
  }

  Tenant importTar(byte[] tar, String name) throws Exception {
    CompletableFuture<Tenant> answer = new CompletableFuture<>();
    StreamObserver<ImportTenantRequest> upload =
        TimelineServiceGrpc.newStub(channel)
            .importTenant(
                new StreamObserver<>() {
                  @Override
                  public void onNext(Tenant tenant) {
                    answer.complete(tenant);
                  }

                  @Override
                  public void onError(Throwable failure) {
                    answer.completeExceptionally(failure);
                  }

                  @Override
                  public void onCompleted() {}
                });
    upload.onNext(
        ImportTenantRequest.newBuilder()
            .setHeader(
                ImportHeader.newBuilder()
                    .setTenantId(ROOT.tenant().toString())
                    .setTimelineId(ROOT.timeline().toString())
                    .setName(name))
            .build());
    for (int at = 0; at < tar.length; at += CHUNK_SIZE_BYTES) {
      upload.onNext(
          ImportTenantRequest.newBuilder()
              .setChunk(ByteString.copyFrom(tar, at, Math.min(CHUNK_SIZE_BYTES, tar.length - at)))
              .build());
    }
    upload.onCompleted();
    return answer.get(60, TimeUnit.SECONDS);
  }

  Branch await(Lsn lsn) {
    return timelines()
        .waitForLsn(
            WaitForLsnRequest.newBuilder()
                .setTenantId(ROOT.tenant().toString())
                .setBranch("main")
                .setLsn(lsn.value())
                .build());
  }

  /** The files of a full base backup of the newest state, and its directories, without bytes. */
  Map<String, byte[]> backup() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    pages(ROOT)
        .getBaseBackup(GetBaseBackupRequest.newBuilder().setFull(true).build())
        .forEachRemaining(chunk -> bytes.writeBytes(chunk.getChunk().toByteArray()));
    Map<String, byte[]> files = new LinkedHashMap<>();
    try (TarArchiveInputStream tar =
        new TarArchiveInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
      for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
        files.put(entry.getName(), tar.readAllBytes());
      }
    }
    return files;
  }

  PageStream stream(TenantTimelineId timeline) {
    return new PageStream(
        PageServiceGrpc.newStub(channel)
            .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(RpcHeaders.of(timeline))));
  }

  static GetPageRequest request(long id, RelationTag tag, Lsn lsn, int... blocks) {
    GetPageRequest.Builder request =
        GetPageRequest.newBuilder()
            .setRequestId(RequestID.newBuilder().setId(id))
            .setReadLsn(ReadLsn.newBuilder().setRequestLsn(lsn.value()))
            .setRel(tag(tag));
    for (int block : blocks) {
      request.addBlockNumber(block);
    }
    return request.build();
  }

  static RelTag tag(RelationTag tag) {
    return RelTag.newBuilder()
        .setSpcOid(tag.spcOid())
        .setDbOid(tag.dbOid())
        .setRelNumber(tag.relNumber())
        .setForkNumber(tag.fork())
        .build();
  }

  /** A stream of page requests. */
  static final class PageStream {
    private final BlockingQueue<GetPageResponse> responses = new LinkedBlockingQueue<>();
    private final CompletableFuture<Status> end = new CompletableFuture<>();
    private final StreamObserver<GetPageRequest> requests;

    PageStream(PageServiceGrpc.PageServiceStub stub) {
      requests =
          stub.getPages(
              new StreamObserver<>() {
                @Override
                public void onNext(GetPageResponse response) {
                  responses.add(response);
                }

                @Override
                public void onError(Throwable failure) {
                  end.complete(Status.fromThrowable(failure));
                }

                @Override
                public void onCompleted() {
                  end.complete(Status.OK);
                }
              });
    }

    void send(GetPageRequest request) {
      requests.onNext(request);
    }

    GetPageResponse next() throws Exception {
      GetPageResponse response = responses.poll(30, TimeUnit.SECONDS);
      if (response == null) {
        throw new IllegalStateException("no answer; the stream ended: " + end.getNow(Status.OK));
      }
      return response;
    }

    GetPageResponse ask(GetPageRequest request) throws Exception {
      send(request);
      return next();
    }

    Status complete() throws Exception {
      requests.onCompleted();
      return end();
    }

    Status end() throws Exception {
      return end.get(30, TimeUnit.SECONDS);
    }
  }

  void stop() {
    if (channel != null) {
      channel.shutdownNow();
    }
    if (server != null) {
      server.close();
      server = null;
    }
  }

  @Override
  public void close() {
    stop();
  }
}
