package io.coppice.safekeeper.consensus;

import io.coppice.common.id.Lsn;

/** What an acceptor says to a proposer. Its {@code term} is the newest the acceptor has seen. */
public sealed interface Reply {

  /** Later than the request's if the proposer has yet to hear of it; then nothing was done. */
  int generation();

  long term();

  /** Answers a greeting. */
  record Greeted(int generation, NodeId node, long term) implements Reply {}

  /**
   * Answers a vote request, given or not, with all that an election needs.
   *
   * @param flushLsn end of the log; nothing above it is durable
   */
  record Vote(
      int generation,
      long term,
      boolean granted,
      Lsn flushLsn,
      Lsn truncateLsn,
      Lsn commitLsn,
      TermHistory history)
      implements Reply {

    /** Term of the end of the log. */
    public long lastLogTerm() {
      return history.lastTermAt(flushLsn);
    }
  }

  /** Answers an elected proposer: the cut is durable and the log ends at {@code flushLsn}. */
  record Following(int generation, long term, Lsn flushLsn) implements Reply {}

  /**
   * Answers all appends so far. If {@code term} is above theirs they were not written.
   *
   * @param flushLsn end of the last whole record that is durable
   * @param durableLsn end of all that is durable: beyond {@code flushLsn} while a long record, or
   *     the padding behind a switch of segments, is on its way
   */
  record Appended(int generation, long term, Lsn flushLsn, Lsn durableLsn, Lsn commitLsn)
      implements Reply {}
}
