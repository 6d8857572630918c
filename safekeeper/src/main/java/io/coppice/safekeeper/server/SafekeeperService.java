package io.coppice.safekeeper.server;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.common.rpc.HostPort;
import io.coppice.common.rpc.RpcStatus;
import io.coppice.proto.v1.AcceptorMessage;
import io.coppice.proto.v1.DeleteTimelineRequest;
import io.coppice.proto.v1.DeleteTimelineResponse;
import io.coppice.proto.v1.ListTimelinesRequest;
import io.coppice.proto.v1.ProposerMessage;
import io.coppice.proto.v1.PullTimelineRequest;
import io.coppice.proto.v1.PullTimelineResponse;
import io.coppice.proto.v1.RaiseGenerationRequest;
import io.coppice.proto.v1.ReportPageserverRequest;
import io.coppice.proto.v1.ReportPageserverResponse;
import io.coppice.proto.v1.SafekeeperServiceGrpc;
import io.coppice.proto.v1.ScrubRequest;
import io.coppice.proto.v1.ScrubResponse;
import io.coppice.proto.v1.StreamWalRequest;
import io.coppice.proto.v1.StreamWalResponse;
import io.coppice.proto.v1.TimelineStatusRequest;
import io.coppice.proto.v1.TimelineStatusResponse;
import io.coppice.proto.v1.WatchTimelinesRequest;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.StreamObserver;
import java.io.IOException;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/** The gRPC face of a safekeeper. Runs on the event loop; what can block goes to the pool. */
final class SafekeeperService extends SafekeeperServiceGrpc.SafekeeperServiceImplBase {
  private final TimelineRegistry registry;
  private final TimelineRebuilds rebuilds;
  private final ScrubCalls scrubs;
  private final WatchHub hub;
  private final Executor pool;
  private final Optional<ObjectStore> store;
  private final Optional<WalBackups> backups;

  SafekeeperService(
      TimelineRegistry registry,
      TimelineRebuilds rebuilds,
      ScrubCalls scrubs,
      WatchHub hub,
      Executor pool,
      Optional<ObjectStore> store,
      Optional<WalBackups> backups) {
    this.registry = registry;
    this.rebuilds = rebuilds;
    this.scrubs = scrubs;
    this.hub = hub;
    this.pool = pool;
    this.store = store;
    this.backups = backups;
  }

  @Override
  public StreamObserver<ProposerMessage> propose(StreamObserver<AcceptorMessage> out) {
    return new ProposeSession((ServerCallStreamObserver<AcceptorMessage>) out, registry, pool);
  }

  @Override
  public StreamObserver<StreamWalRequest> streamWal(StreamObserver<StreamWalResponse> out) {
    return new WalStreamSession((ServerCallStreamObserver<StreamWalResponse>) out, registry, store);
  }

  @Override
  public void watchTimelines(
      WatchTimelinesRequest request, StreamObserver<TimelineStatusResponse> out) {
    hub.watch((ServerCallStreamObserver<TimelineStatusResponse>) out, registry.snapshots());
  }

  @Override
  public void timelineStatus(
      TimelineStatusRequest request, StreamObserver<TimelineStatusResponse> out) {
    answer(out, () -> registry.status(timelineId(request.getTenantId(), request.getTimelineId())));
  }

  @Override
  public void deleteTimeline(
      DeleteTimelineRequest request, StreamObserver<DeleteTimelineResponse> out) {
    // Its objects may be many: not for the pool, which answers others.
    answer(
        out,
        task -> Thread.ofVirtual().name("delete-timeline").start(task),
        () -> {
          TenantTimelineId id = timelineId(request.getTenantId(), request.getTimelineId());
          registry.delete(id);
          if (backups.isPresent()) {
            backups.get().deleteObjects(id);
          }
          return DeleteTimelineResponse.getDefaultInstance();
        });
  }

  @Override
  public void listTimelines(
      ListTimelinesRequest request, StreamObserver<TimelineStatusResponse> out) {
    registry.snapshots().forEach(timeline -> out.onNext(registry.toProto(timeline)));
    out.onCompleted();
  }

  @Override
  public void raiseGeneration(
      RaiseGenerationRequest request, StreamObserver<TimelineStatusResponse> out) {
    pool.execute(() -> {
      try {
        var _ =
            registry
                .open(timelineId(request.getTenantId(), request.getTimelineId()))
                .raiseGeneration(request.getConfigurationGeneration())
                .whenComplete((raised, failure) -> answer(out, raised, failure));
      } catch (StorageException | IOException | RuntimeException failure) {
        out.onError(RpcStatus.of(failure).asRuntimeException());
      }
    });
  }

  @Override
  public void reportPageserver(
      ReportPageserverRequest request, StreamObserver<ReportPageserverResponse> out) {
    answer(
        out,
        () -> {
          registry
              .open(timelineId(request.getTenantId(), request.getTimelineId()))
              .pageServerHas(new Lsn(request.getFeedback().getRemoteConsistentLsn()));
          return ReportPageserverResponse.getDefaultInstance();
        });
  }

  private void answer(
      StreamObserver<TimelineStatusResponse> out,
      @Nullable TimelineSnapshot raised,
      @Nullable Throwable failure) {
    if (raised != null) {
      out.onNext(registry.toProto(raised));
      out.onCompleted();
    } else {
      out.onError(RpcStatus.of(Objects.requireNonNull(failure)).asRuntimeException());
    }
  }

  @Override
  public void pullTimeline(PullTimelineRequest request, StreamObserver<PullTimelineResponse> out) {
    // It waits for others: not for the pool, which answers others.
    answer(
        out,
        task -> Thread.ofVirtual().name("rebuild").start(task),
        () -> {
          TenantTimelineId id = timelineId(request.getTenantId(), request.getTimelineId());
          List<HostPort> peers = request.getPeersList().stream().map(HostPort::parse).toList();
          TimelineSnapshot rebuilt = rebuilds.rebuild(id, peers, request.getReplace());
          return PullTimelineResponse.newBuilder()
              .setFlushLsn(rebuilt.flushLsn().value())
              .setCommitLsn(rebuilt.commitLsn().value())
              .setConfigurationGeneration(rebuilt.state().generation())
              .build();
        });
  }

  @Override
  public void scrub(ScrubRequest request, StreamObserver<ScrubResponse> out) {
    scrubs.start(request, (ServerCallStreamObserver<ScrubResponse>) out);
  }

  private static TenantTimelineId timelineId(String tenant, String timeline) {
    return new TenantTimelineId(TenantId.parse(tenant), TimelineId.parse(timeline));
  }

  private interface Answer<T> {
    T get() throws StorageException, IOException;
  }

  private <T> void answer(StreamObserver<T> out, Answer<T> answer) {
    answer(out, pool, answer);
  }

  private static <T> void answer(StreamObserver<T> out, Executor executor, Answer<T> answer) {
    executor.execute(() -> {
      try {
        out.onNext(answer.get());
        out.onCompleted();
      } catch (StorageException | IOException | RuntimeException failure) {
        out.onError(RpcStatus.of(failure).asRuntimeException());
      }
    });
  }
}
