package io.coppice.pageserver.receiver;

import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.platform.Clock;
import io.coppice.common.rpc.HostPort;
import io.coppice.common.rpc.RpcChannel;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.proto.v1.PageserverFeedback;
import io.coppice.proto.v1.ReportPageserverRequest;
import io.coppice.proto.v1.ReportPageserverResponse;
import io.coppice.proto.v1.SafekeeperServiceGrpc;
import io.coppice.proto.v1.TimelineStatusResponse;
import io.coppice.proto.v1.WatchTimelinesRequest;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import io.grpc.stub.StreamObserver;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One safekeeper: the connection, the watch of its timelines (opened again when it breaks), and how
 * far each timeline is committed there. Thread safe.
 */
final class SafekeeperLink implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(SafekeeperLink.class);

  /** Timelines remembered of one safekeeper. */
  private static final int TIMELINES_MAX = 100_000;

  private static final long REPORT_TIMEOUT_MILLIS = 5_000;

  /** Length of the header of a segment's first page. */
  private static final int PAGE_HEADER_BYTES_MAX = 40;

  private final HostPort address;
  private final ManagedChannel channel;
  private final ReceiverConfig config;
  private final Clock clock;
  private final ScheduledExecutorService scheduler;
  private final Runnable onNews;
  private final Map<TenantTimelineId, Lsn> committed = new ConcurrentHashMap<>();

  /** What this safekeeper says that it was told of a timeline here. */
  private final Map<TenantTimelineId, Lsn> reported = new ConcurrentHashMap<>();

  private volatile boolean closed;
  private volatile boolean watching;
  private volatile long retryAtMillis;
  private volatile long retryMillis;
  private @Nullable ClientCallStreamObserver<WatchTimelinesRequest> watch;

  SafekeeperLink(
      HostPort address,
      ReceiverConfig config,
      Clock clock,
      ScheduledExecutorService scheduler,
      Runnable onNews) {
    this.address = address;
    this.channel = RpcChannel.open(address);
    this.config = config;
    this.clock = clock;
    this.scheduler = scheduler;
    this.onNews = onNews;
  }

  HostPort address() {
    return address;
  }

  ManagedChannel channel() {
    return channel;
  }

  /** Begins to watch; on the scheduler's thread. */
  void startWatching() {
    if (!closed) {
      SafekeeperServiceGrpc.newStub(channel)
          .watchTimelines(WatchTimelinesRequest.getDefaultInstance(), new Watch());
    }
  }

  /** How far a timeline is committed here; invalid if it is not known here. */
  Lsn committed(TenantTimelineId timeline) {
    return committed.getOrDefault(timeline, Lsn.INVALID);
  }

  /**
   * Whether there is WAL to get. A position behind the header of a page is the same as the page's
   * start: no record lies between.
   */
  static boolean isAhead(Lsn committed, Lsn here) {
    boolean headerOnly =
        here.value() % PostgresVersion.WAL_PAGE_SIZE_BYTES == 0
            && committed.minus(here) <= PAGE_HEADER_BYTES_MAX;
    return committed.isAfter(here) && !headerOnly;
  }

  /** Tells it what is here of a timeline, unless it knows; asked again later it is told again. */
  void report(TenantTimelineId id, Lsn remoteConsistentLsn) {
    if (!watching || !remoteConsistentLsn.isAfter(reported.getOrDefault(id, Lsn.INVALID))) {
      return;
    }
    ReportPageserverRequest request =
        ReportPageserverRequest.newBuilder()
            .setTenantId(id.tenant().toString())
            .setTimelineId(id.timeline().toString())
            .setFeedback(
                PageserverFeedback.newBuilder().setRemoteConsistentLsn(remoteConsistentLsn.value()))
            .build();
    SafekeeperServiceGrpc.newStub(channel)
        .withDeadlineAfter(REPORT_TIMEOUT_MILLIS, TimeUnit.MILLISECONDS)
        .reportPageserver(
            request,
            new StreamObserver<>() {
              @Override
              public void onNext(ReportPageserverResponse done) {
                reported.merge(id, remoteConsistentLsn, Lsn::max);
              }

              @Override
              public void onError(Throwable failure) {
                log.debug("safekeeper {} was not told: {}", address, failure.toString());
              }

              @Override
              public void onCompleted() {}
            });
  }

  /** The stream told more than the watch did. */
  void sawCommitted(TenantTimelineId timeline, Lsn lsn) {
    committed.merge(timeline, lsn, Lsn::max);
  }

  Iterable<TenantTimelineId> timelines() {
    return committed.keySet();
  }

  /** Whether a stream may be opened now. */
  boolean isUsable() {
    return watching && clock.monotonicMillis() >= retryAtMillis;
  }

  /** A stream from here failed: not to be used for a while, longer each time. */
  void failed() {
    retryMillis =
        retryMillis == 0
            ? config.retryMillisMin()
            : Math.min(config.retryMillisMax(), retryMillis + retryMillis / 2);
    retryAtMillis = clock.monotonicMillis() + retryMillis;
  }

  /** A stream from here brought WAL. */
  void worked() {
    if (retryMillis != 0) {
      retryMillis = 0;
      retryAtMillis = clock.monotonicMillis();
    }
  }

  private void watchEnded(Status status) {
    if (closed) {
      return;
    }
    if (watching) {
      log.info("safekeeper {} is gone: {}", address, status);
    }
    watching = false;
    failed();
    long waitMillis = Math.max(config.retryMillisMin(), retryAtMillis - clock.monotonicMillis());
    if (!scheduler.isShutdown()) {
      var _ = scheduler.schedule(this::startWatching, waitMillis, TimeUnit.MILLISECONDS);
    }
  }

  private void accept(TimelineStatusResponse status) {
    if (!watching) {
      log.info("safekeeper {} is there", address);
      watching = true;
      worked();
    }
    try {
      TenantTimelineId id =
          new TenantTimelineId(
              TenantId.parse(status.getTenantId()), TimelineId.parse(status.getTimelineId()));
      if (committed.size() < TIMELINES_MAX || committed.containsKey(id)) {
        committed.put(id, new Lsn(status.getCommitLsn()));
        reported.put(id, new Lsn(status.getPageserverLsn()));
        onNews.run();
      }
    } catch (IllegalArgumentException e) {
      log.warn("safekeeper {} names a timeline that cannot be: {}", address, e.getMessage());
    }
  }

  private final class Watch
      implements ClientResponseObserver<WatchTimelinesRequest, TimelineStatusResponse> {
    @Override
    public void beforeStart(ClientCallStreamObserver<WatchTimelinesRequest> stream) {
      watch = stream;
    }

    @Override
    public void onNext(TimelineStatusResponse status) {
      accept(status);
    }

    @Override
    public void onError(Throwable failure) {
      watchEnded(Status.fromThrowable(failure));
    }

    @Override
    public void onCompleted() {
      watchEnded(Status.OK);
    }
  }

  @Override
  public void close() {
    closed = true;
    ClientCallStreamObserver<WatchTimelinesRequest> open = watch;
    if (open != null) {
      open.cancel("the page server stops", null);
    }
    channel.shutdownNow();
  }
}
