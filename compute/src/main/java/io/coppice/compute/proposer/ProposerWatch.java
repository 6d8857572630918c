package io.coppice.compute.proposer;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.platform.Clock;
import io.coppice.common.rpc.HostPort;
import io.coppice.safekeeper.client.SafekeeperClient;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds out that a timeline has no proposer, by asking its safekeepers again and again. That is
 * certain when a majority of them has none: one that reaches only the others cannot commit. To
 * believe it although one is there does no harm to WAL, it is fenced then like any other.
 */
public final class ProposerWatch implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(ProposerWatch.class);
  private static final long POLL_MILLIS = 50;
  private static final long CALL_TIMEOUT_MILLIS = 1_000;

  /** To a safekeeper that was away its proposer comes back that late. */
  private static final long RECONNECT_MILLIS = 2 * SafekeeperLink.BACKOFF_MILLIS_MAX;

  private final TenantTimelineId timeline;
  private final Clock clock;
  private final List<Member> members;
  private final CountDownLatch closed = new CountDownLatch(1);

  private ProposerWatch(TenantTimelineId timeline, List<HostPort> safekeepers, Clock clock) {
    this.timeline = timeline;
    this.clock = clock;
    this.members = safekeepers.stream().map(Member::new).toList();
  }

  /**
   * Begins to ask; to be closed.
   *
   * @param safekeepers all of them
   */
  public static ProposerWatch open(
      TenantTimelineId timeline, List<HostPort> safekeepers, Clock clock) {
    ProposerWatch watch = new ProposerWatch(timeline, safekeepers, clock);
    watch.members.forEach(Member::start);
    return watch;
  }

  /**
   * Returns when a majority of safekeepers had no proposer for so long, each without a break. One
   * that does not have the timeline has no proposer either; one that does not answer may have, and
   * gets some seconds more once it answers, in which a proposer would come back.
   *
   * @throws StorageException.Precondition if a majority says that the timeline was deleted
   */
  public void awaitAbsence(long patienceMillis) throws StorageException, InterruptedException {
    do {
      int without = 0;
      int refusing = 0;
      StorageException refusal = null;
      for (Member member : members) {
        switch (member.state) {
          case State.Without(long fromMillis, long lastMillis) -> {
            if (lastMillis - fromMillis >= patienceMillis) {
              without++;
            }
          }
          case State.Refuses(StorageException.Precondition reason) -> {
            refusing++;
            refusal = reason;
          }
          case State.Has _, State.Silent _ -> {}
        }
      }
      if (isMajority(without)) {
        return;
      }
      if (refusal != null && isMajority(refusing)) {
        throw refusal;
      }
    } while (!closed.await(POLL_MILLIS / 2, TimeUnit.MILLISECONDS));
    throw new IllegalStateException("the watch of " + timeline + " was closed");
  }

  private boolean isMajority(int count) {
    return count > members.size() / 2;
  }

  @Override
  public void close() {
    closed.countDown();
    members.forEach(Member::close);
  }

  /** What one safekeeper said last. */
  private sealed interface State {
    record Silent() implements State {}

    record Has() implements State {}

    /**
     * It has none.
     *
     * @param fromMillis from when on a proposer should be back
     * @param lastMillis when it was asked last
     */
    record Without(long fromMillis, long lastMillis) implements State {}

    record Refuses(StorageException.Precondition reason) implements State {}
  }

  private final class Member {
    private final SafekeeperClient client;
    private volatile State state = new State.Silent();

    Member(HostPort address) {
      client = SafekeeperClient.open(address);
    }

    void start() {
      Thread.ofPlatform().daemon().name("proposer-watch-" + client.address()).start(this::run);
    }

    private void run() {
      try {
        do {
          long askedMillis = clock.monotonicMillis();
          state = next(askedMillis);
        } while (!closed.await(POLL_MILLIS, TimeUnit.MILLISECONDS));
      } catch (InterruptedException _) {
        Thread.currentThread().interrupt();
      }
    }

    private State next(long askedMillis) {
      try {
        return client.status(timeline, CALL_TIMEOUT_MILLIS).hasProposer()
            ? new State.Has()
            : without(askedMillis);
      } catch (StorageException.NotFound _) {
        return without(askedMillis);
      } catch (StorageException.Precondition deleted) {
        return new State.Refuses(deleted);
      } catch (StorageException silent) {
        log.debug("timeline {}: {}", timeline, silent.getMessage());
        return new State.Silent();
      }
    }

    private State without(long askedMillis) {
      return switch (state) {
        case State.Without(long fromMillis, long _) -> new State.Without(fromMillis, askedMillis);
        case State.Silent _ -> new State.Without(askedMillis + RECONNECT_MILLIS, askedMillis);
        case State.Has _, State.Refuses _ -> new State.Without(askedMillis, askedMillis);
      };
    }

    void close() {
      client.close();
    }
  }
}
