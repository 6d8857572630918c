package io.coppice.safekeeper.client;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.rpc.HostPort;
import io.coppice.common.rpc.RpcChannel;
import io.coppice.common.rpc.RpcStatus;
import io.coppice.proto.v1.ListTimelinesRequest;
import io.coppice.proto.v1.PullTimelineRequest;
import io.coppice.proto.v1.PullTimelineResponse;
import io.coppice.proto.v1.RaiseGenerationRequest;
import io.coppice.proto.v1.SafekeeperServiceGrpc;
import io.coppice.proto.v1.ScrubRequest;
import io.coppice.proto.v1.ScrubResponse;
import io.coppice.proto.v1.StartStream;
import io.coppice.proto.v1.TimelineStatusRequest;
import io.coppice.proto.v1.TimelineStatusResponse;
import io.grpc.ManagedChannel;
import io.grpc.StatusRuntimeException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Calls one safekeeper and waits for its answers; every call has a deadline. Thread safe. A {@code
 * Transient} failure has the {@link StatusRuntimeException} as its cause.
 */
public final class SafekeeperClient implements AutoCloseable {
  private static final long CALL_TIMEOUT_MILLIS = 10_000;

  /** Of a rebuild, which copies all WAL of a timeline. */
  public static final long PULL_TIMEOUT_MILLIS = 3_600_000;

  /** Of a scrub, which reads all WAL of a safekeeper. */
  private static final long SCRUB_TIMEOUT_MILLIS = 24 * 3_600_000L;

  private final HostPort address;
  private final ManagedChannel channel;

  private SafekeeperClient(HostPort address) {
    this.address = address;
    this.channel = RpcChannel.open(address);
  }

  /** Connects on first use. */
  public static SafekeeperClient open(HostPort address) {
    return new SafekeeperClient(address);
  }

  public HostPort address() {
    return address;
  }

  /**
   * The state of a timeline there.
   *
   * @throws StorageException.NotFound if it is not there
   */
  public TimelineStatus status(TenantTimelineId id) throws StorageException {
    return status(id, CALL_TIMEOUT_MILLIS);
  }

  /** The same, within a time. */
  public TimelineStatus status(TenantTimelineId id, long timeoutMillis) throws StorageException {
    TimelineStatusRequest request =
        TimelineStatusRequest.newBuilder()
            .setTenantId(id.tenant().toString())
            .setTimelineId(id.timeline().toString())
            .build();
    return StatusCodec.fromProto(call(() -> stub(timeoutMillis).timelineStatus(request)));
  }

  /** The state of every timeline there. */
  public List<TimelineStatus> timelines() throws StorageException {
    List<TimelineStatus> found = new ArrayList<>();
    Iterator<TimelineStatusResponse> answers =
        call(() ->
            stub(CALL_TIMEOUT_MILLIS).listTimelines(ListTimelinesRequest.getDefaultInstance()));
    while (call(answers::hasNext)) {
      found.add(StatusCodec.fromProto(answers.next()));
    }
    return found;
  }

  /**
   * Has it do nothing in older generations from now on, and tell what it has then.
   *
   * @throws StorageException.NotFound if the timeline is not there
   */
  public TimelineStatus raiseGeneration(TenantTimelineId id, int generation)
      throws StorageException {
    RaiseGenerationRequest request =
        RaiseGenerationRequest.newBuilder()
            .setTenantId(id.tenant().toString())
            .setTimelineId(id.timeline().toString())
            .setConfigurationGeneration(generation)
            .build();
    return StatusCodec.fromProto(call(() -> stub(CALL_TIMEOUT_MILLIS).raiseGeneration(request)));
  }

  /**
   * The WAL from {@code from} to {@code to} that is flushed there; close it in the end. What comes
   * may be of more than one log if the log is cut meanwhile.
   */
  public WalDownload downloadFlushed(TenantTimelineId id, Lsn from, Lsn to)
      throws StorageException, InterruptedException {
    StartStream start =
        StartStream.newBuilder()
            .setTenantId(id.tenant().toString())
            .setTimelineId(id.timeline().toString())
            .setStartLsn(from.value())
            .setEndLsn(to.value())
            .setFlushed(true)
            .build();
    return WalDownload.start(
        SafekeeperServiceGrpc.newBlockingV2Stub(channel).streamWal(), start, address);
  }

  /**
   * Has it rebuild its copy of a timeline from its peers.
   *
   * @param peers all the other safekeepers
   * @param replace also if it has the timeline
   */
  public PullTimelineResponse pull(TenantTimelineId id, List<HostPort> peers, boolean replace)
      throws StorageException {
    PullTimelineRequest request = pullRequest(id, peers, replace);
    return call(() -> stub(PULL_TIMEOUT_MILLIS).pullTimeline(request));
  }

  /**
   * Has it check all that it has stored.
   *
   * @param only nothing but this timeline
   * @param repairFrom if there, what is damaged is repaired: from these safekeepers, which may be
   *     none, and else from the object store
   * @param each hears of damage, and how far it is
   */
  public void scrub(
      Optional<TenantTimelineId> only,
      Optional<List<HostPort>> repairFrom,
      Consumer<ScrubResponse> each)
      throws StorageException {
    ScrubRequest.Builder request = ScrubRequest.newBuilder();
    only.ifPresent(
        id -> request.setTenantId(id.tenant().toString()).setTimelineId(id.timeline().toString()));
    repairFrom.ifPresent(peers ->
        request.setRepair(true).addAllRepairFrom(peers.stream().map(HostPort::toString).toList()));
    Iterator<ScrubResponse> answers = call(() -> stub(SCRUB_TIMEOUT_MILLIS).scrub(request.build()));
    while (call(answers::hasNext)) {
      each.accept(answers.next());
    }
  }

  /** The request that {@link #pull} sends. */
  public static PullTimelineRequest pullRequest(
      TenantTimelineId id, List<HostPort> peers, boolean replace) {
    return PullTimelineRequest.newBuilder()
        .setTenantId(id.tenant().toString())
        .setTimelineId(id.timeline().toString())
        .addAllPeers(peers.stream().map(HostPort::toString).toList())
        .setReplace(replace)
        .build();
  }

  private SafekeeperServiceGrpc.SafekeeperServiceBlockingStub stub(long timeoutMillis) {
    return SafekeeperServiceGrpc.newBlockingStub(channel)
        .withDeadlineAfter(timeoutMillis, TimeUnit.MILLISECONDS);
  }

  private <T> T call(Supplier<T> call) throws StorageException {
    try {
      return call.get();
    } catch (StatusRuntimeException e) {
      StorageException failure = RpcStatus.toException(e.getStatus());
      if (failure instanceof StorageException.Transient) {
        throw new StorageException.Transient(
            "safekeeper at %s: %s".formatted(address, failure.getMessage()), e);
      }
      throw failure;
    }
  }

  @Override
  public void close() {
    var _ = channel.shutdownNow();
  }
}
