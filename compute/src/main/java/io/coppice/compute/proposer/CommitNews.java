package io.coppice.compute.proposer;

import io.coppice.common.id.Lsn;
import io.coppice.safekeeper.consensus.Proposer;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;

/**
 * Tells safekeepers what is committed when there is no WAL that could carry it. Guarded by the
 * quorum's lock.
 */
final class CommitNews {
  /** News of a commit wait so long for WAL that can carry them. */
  private static final long DELAY_MILLIS = 2;

  /** While WAL carries them, it is looked so often whether it still does. */
  private static final long AGAIN_MILLIS = 10;

  /** The end waits so long at most until safekeepers know what is committed. */
  private static final long LAST_WAIT_MILLIS = 500;

  private final Proposer proposer;
  private final List<SafekeeperLink> links;
  private final WalPump pump;
  private final Turns turns;
  private boolean scheduled;

  CommitNews(Proposer proposer, List<SafekeeperLink> links, WalPump pump, Turns turns) {
    this.proposer = proposer;
    this.links = links;
    this.pump = pump;
    this.turns = turns;
  }

  /** What is committed now is known everywhere soon. */
  void schedule() {
    if (!scheduled) {
      schedule(DELAY_MILLIS);
    }
  }

  private void schedule(long delayMillis) {
    scheduled = true;
    Lsn toBeKnown = proposer.commitLsn();
    turns.later(
        delayMillis,
        () -> {
          scheduled = false;
          send(toBeKnown);
          // Under load WAL has carried that, and carries what was committed since: a message of
          // its own every few milliseconds costs as much as the commits do.
          if (links.stream().anyMatch(link -> lacks(link, proposer.commitLsn()))) {
            schedule(AGAIN_MILLIS);
          }
        });
  }

  private void send(Lsn toBeKnown) {
    for (SafekeeperLink link : links) {
      if (lacks(link, toBeKnown)) {
        pump.sendAppend(link, ByteBuffer.allocate(0));
      }
    }
  }

  private boolean lacks(SafekeeperLink link, Lsn commitLsn) {
    return proposer.nextLsn(link.member()).isPresent() && link.commitSent().isBefore(commitLsn);
  }

  /**
   * Sends the last news, and waits a little until safekeepers know. Nobody else would tell them
   * before the next proposer does, and only committed WAL goes on to page servers.
   *
   * @param changed of the quorum's lock
   */
  void spreadLast(Condition changed) {
    if (!proposer.isLeading()) {
      return;
    }
    send(proposer.commitLsn());
    long leftNanos = TimeUnit.MILLISECONDS.toNanos(LAST_WAIT_MILLIS);
    try {
      while (leftNanos > 0 && links.stream().anyMatch(this::isAwaited)) {
        leftNanos = changed.awaitNanos(leftNanos);
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  private boolean isAwaited(SafekeeperLink link) {
    return proposer.nextLsn(link.member()).isPresent()
        && proposer.knownCommitLsn(link.member()).isBefore(proposer.commitLsn());
  }
}
