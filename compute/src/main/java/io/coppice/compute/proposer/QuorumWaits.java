package io.coppice.compute.proposer;

import io.coppice.common.id.Lsn;
import io.coppice.common.platform.Clock;
import java.util.function.LongConsumer;

/**
 * Measures how long WAL waits for the quorum: one piece of it at a time, so that it costs the same
 * however much is under way. Guarded by the quorum's lock, but for the listener.
 */
final class QuorumWaits {
  private final Clock clock;
  private volatile LongConsumer listener = _ -> {};

  /** Where the piece ends that is watched; invalid while none is. */
  private Lsn end = Lsn.INVALID;

  private long startNanos;

  QuorumWaits(Clock clock) {
    this.clock = clock;
  }

  /** Is told of each wait, in nanoseconds, under the quorum's lock. */
  void listen(LongConsumer newListener) {
    listener = newListener;
  }

  /** WAL up to there has come. */
  void came(Lsn newEnd) {
    if (!end.isValid()) {
      end = newEnd;
      startNanos = clock.monotonicNanos();
    }
  }

  /** A quorum has WAL up to there. */
  void committed(Lsn commitLsn) {
    if (end.isValid() && commitLsn.isAtOrAfter(end)) {
      end = Lsn.INVALID;
      listener.accept(clock.monotonicNanos() - startNanos);
    }
  }
}
