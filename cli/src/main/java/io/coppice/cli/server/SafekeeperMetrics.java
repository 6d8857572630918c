package io.coppice.cli.server;

import io.coppice.common.metrics.MetricSink;
import io.coppice.common.metrics.MetricSource;
import io.coppice.common.rpc.HostPort;
import io.coppice.common.rpc.RpcChannel;
import io.coppice.proto.v1.SafekeeperServiceGrpc;
import io.coppice.proto.v1.TimelineStatusResponse;
import io.coppice.proto.v1.WatchTimelinesRequest;
import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.stub.StreamObserver;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/**
 * The timelines of a safekeeper in numbers. Its state is watched for a moment at each scrape, and
 * not all the time: a commit must not pay for a metric.
 */
final class SafekeeperMetrics implements MetricSource, AutoCloseable {
  /** The states that are there come one behind the other; after such a pause they have come. */
  private static final long QUIET_MILLIS = 50;

  private static final long FIRST_MILLIS = 500;

  private static final int TIMELINES_MAX = 200;

  private final long nodeId;
  private final ManagedChannel channel;

  SafekeeperMetrics(long nodeId, HostPort address) {
    this.nodeId = nodeId;
    this.channel = RpcChannel.open(address);
  }

  @Override
  public void collect(MetricSink sink) {
    Map<String, TimelineStatusResponse> timelines = new LinkedHashMap<>();
    LinkedBlockingQueue<TimelineStatusResponse> arrived = new LinkedBlockingQueue<>(TIMELINES_MAX);
    Context.CancellableContext context = Context.current().withCancellation();
    try {
      context.run(() -> watch(arrived));
      for (int i = 0; i < TIMELINES_MAX; i++) {
        TimelineStatusResponse status =
            arrived.poll(i == 0 ? FIRST_MILLIS : QUIET_MILLIS, TimeUnit.MILLISECONDS);
        if (status == null) {
          break;
        }
        timelines.put(status.getTimelineId(), status);
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    } finally {
      context.cancel(null);
    }
    timelines.values().forEach(status -> collect(sink, status));
  }

  private void watch(LinkedBlockingQueue<TimelineStatusResponse> arrived) {
    SafekeeperServiceGrpc.newStub(channel)
        .watchTimelines(
            WatchTimelinesRequest.getDefaultInstance(),
            new StreamObserver<>() {
              @Override
              public void onNext(TimelineStatusResponse status) {
                var _ = arrived.offer(status);
              }

              @Override
              public void onError(Throwable failure) {
                // cancelled, or the server is going down: what has come is shown
              }

              @Override
              public void onCompleted() {}
            });
  }

  private void collect(MetricSink sink, TimelineStatusResponse status) {
    Map<String, String> labels =
        Map.of(
            "safekeeper", Long.toString(nodeId),
            "tenant", status.getTenantId(),
            "timeline", status.getTimelineId());
    sink.gauge("coppice_safekeeper_term", "Newest term seen.", labels, status.getTerm());
    sink.gauge(
        "coppice_safekeeper_flush_lsn",
        "All WAL below is durable here.",
        labels,
        status.getFlushLsn());
    sink.gauge(
        "coppice_safekeeper_commit_lsn",
        "All WAL below is known to be on a quorum.",
        labels,
        status.getCommitLsn());
    sink.gauge(
        "coppice_safekeeper_backup_lsn",
        "All WAL below is in the object store.",
        labels,
        status.getBackupLsn());
    sink.gauge(
        "coppice_safekeeper_local_start_lsn",
        "WAL before this is not kept here any more.",
        labels,
        status.getLocalStartLsn());
    sink.gauge(
        "coppice_safekeeper_damaged_blocks",
        "Blocks of WAL that were found damaged and cannot be read.",
        labels,
        status.getDamagedBlocks());
  }

  @Override
  public void close() {
    channel.shutdownNow();
  }
}
