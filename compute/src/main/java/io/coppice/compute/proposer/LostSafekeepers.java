package io.coppice.compute.proposer;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.rpc.HostPort;
import io.coppice.common.rpc.RpcStatus;
import io.coppice.proto.v1.PullTimelineResponse;
import io.coppice.safekeeper.client.SafekeeperClient;
import io.coppice.safekeeper.consensus.Proposer;
import io.grpc.Status;
import io.grpc.stub.StreamObserver;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks a safekeeper that has lost the timeline to rebuild itself from the others: while this
 * proposer leads, it knows who the others are. One request at a time goes to each; after a failure
 * comes a pause, which grows. Guarded by the quorum's lock.
 */
final class LostSafekeepers {
  private static final Logger log = LoggerFactory.getLogger(LostSafekeepers.class);
  private static final long PAUSE_MILLIS_MIN = 1_000;
  private static final long PAUSE_MILLIS_MAX = 60_000;

  private final TenantTimelineId timeline;
  private final Proposer proposer;
  private final List<SafekeeperLink> links;
  private final Turns turns;

  /** Those that were asked, and the pause after their next failure. */
  private final Map<SafekeeperLink, Request> asked = new HashMap<>();

  LostSafekeepers(
      TenantTimelineId timeline, Proposer proposer, List<SafekeeperLink> links, Turns turns) {
    this.timeline = timeline;
    this.proposer = proposer;
    this.links = links;
    this.turns = turns;
  }

  /**
   * That safekeeper says it does not have the timeline. Nothing is asked before something is
   * committed: a rebuild means another election, and the first is not over.
   */
  void found(SafekeeperLink lost) {
    if (!proposer.isLeading() || !proposer.commitLsn().isValid()) {
      return;
    }
    Request request = asked.computeIfAbsent(lost, Request::new);
    if (!request.isPending) {
      request.send();
    }
  }

  /** To one safekeeper, again and again until it succeeds. */
  private final class Request implements StreamObserver<PullTimelineResponse> {
    private final SafekeeperLink lost;
    private boolean isPending;
    private long pauseMillis = PAUSE_MILLIS_MIN;

    Request(SafekeeperLink lost) {
      this.lost = lost;
    }

    void send() {
      isPending = true;
      List<HostPort> others =
          links.stream().filter(link -> link != lost).map(SafekeeperLink::address).toList();
      log.info(
          "safekeeper {} has lost timeline {}: it is to rebuild it from {}",
          lost.address(),
          timeline,
          others);
      lost.stub()
          .withDeadlineAfter(SafekeeperClient.PULL_TIMEOUT_MILLIS, TimeUnit.MILLISECONDS)
          .pullTimeline(SafekeeperClient.pullRequest(timeline, others, false), this);
    }

    @Override
    public void onNext(PullTimelineResponse rebuilt) {
      log.info(
          "safekeeper {} has rebuilt timeline {}, generation {}",
          lost.address(),
          timeline,
          rebuilt.getConfigurationGeneration());
    }

    @Override
    public void onCompleted() {
      turns.now(() -> asked.remove(lost));
    }

    @Override
    public void onError(Throwable failure) {
      StorageException reason = RpcStatus.toException(Status.fromThrowable(failure));
      turns.now(() -> {
        log.warn(
            "safekeeper {} cannot rebuild timeline {}: {}",
            lost.address(),
            timeline,
            reason.getMessage());
        turns.later(pauseMillis, () -> isPending = false);
        pauseMillis = Math.min(PAUSE_MILLIS_MAX, pauseMillis * 2);
      });
    }
  }
}
