package io.coppice.safekeeper.server;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.common.rpc.HostPort;
import io.coppice.common.rpc.RpcStatus;
import io.coppice.proto.v1.ScrubRequest;
import io.coppice.proto.v1.ScrubResponse;
import io.coppice.safekeeper.consensus.DiskFailure;
import io.coppice.safekeeper.wal.DataDirectory;
import io.grpc.stub.ServerCallStreamObserver;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.function.Consumer;

/** Takes calls that ask for a scrub: one at a time, each on a virtual thread. */
final class ScrubCalls {
  private final TimelineRegistry registry;
  private final DataDirectory directory;
  private final Optional<ObjectStore> store;
  private final Consumer<Throwable> onFatal;
  private final Semaphore room = new Semaphore(1);

  ScrubCalls(
      TimelineRegistry registry,
      DataDirectory directory,
      Optional<ObjectStore> store,
      Consumer<Throwable> onFatal) {
    this.registry = registry;
    this.directory = directory;
    this.store = store;
    this.onFatal = onFatal;
  }

  void start(ScrubRequest request, ServerCallStreamObserver<ScrubResponse> out) {
    out.setOnCancelHandler(() -> {}); // the run looks whether it is cancelled
    var _ = Thread.ofVirtual().name("scrub").start(() -> run(request, out));
  }

  private void run(ScrubRequest request, ServerCallStreamObserver<ScrubResponse> out) {
    if (!room.tryAcquire()) {
      StorageException busy =
          new StorageException.Transient(
              "safekeeper %s is being scrubbed already".formatted(registry.node()));
      out.onError(RpcStatus.of(busy).asRuntimeException());
      return;
    }
    Optional<Exception> failure;
    try {
      failure = scrub(request, out);
    } finally {
      room.release(); // before the answer: who has it may ask again at once
    }
    if (out.isCancelled()) {
      return;
    }
    if (failure.isEmpty()) {
      out.onCompleted();
    } else {
      out.onError(RpcStatus.of(failure.get()).asRuntimeException());
    }
  }

  private Optional<Exception> scrub(
      ScrubRequest request, ServerCallStreamObserver<ScrubResponse> out) {
    try {
      new ScrubRun(registry, directory, repairs(request), out).run(timelines(request));
      return Optional.empty();
    } catch (DiskFailure failure) {
      onFatal.accept(failure);
      return Optional.of(failure);
    } catch (InterruptedException failure) {
      Thread.currentThread().interrupt();
      return Optional.of(failure);
    } catch (StorageException | IOException | RuntimeException failure) {
      return Optional.of(failure);
    }
  }

  private Optional<BlockRepairs> repairs(ScrubRequest request) {
    List<HostPort> peers = request.getRepairFromList().stream().map(HostPort::parse).toList();
    return request.getRepair() || !peers.isEmpty()
        ? Optional.of(new BlockRepairs(registry, directory, peers, store))
        : Optional.empty();
  }

  private List<TenantTimelineId> timelines(ScrubRequest request)
      throws StorageException, IOException {
    if (request.getTimelineId().isEmpty()) {
      return directory.timelines();
    }
    TenantTimelineId id =
        new TenantTimelineId(
            TenantId.parse(request.getTenantId()), TimelineId.parse(request.getTimelineId()));
    if (!directory.timelines().contains(id)) {
      throw new StorageException.NotFound(
          "timeline %s is not on safekeeper %s".formatted(id, registry.node()));
    }
    return List.of(id);
  }
}
