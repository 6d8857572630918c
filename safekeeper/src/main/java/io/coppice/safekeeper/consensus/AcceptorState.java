package io.coppice.safekeeper.consensus;

import io.coppice.common.id.Lsn;

/**
 * What an acceptor must not forget.
 *
 * @param generation newest seen; in older ones this safekeeper does nothing any more
 * @param term newest term seen; a vote for it may have been given
 * @param history of the log; may run ahead of it
 * @param commitLsn known to be on a quorum; a record boundary
 * @param truncateLsn WAL below is needed by no safekeeper
 */
public record AcceptorState(
    TimelineProperties properties,
    int generation,
    long term,
    TermHistory history,
    Lsn commitLsn,
    Lsn truncateLsn) {

  public AcceptorState {
    if (term < 0 || generation < 0) {
      throw new IllegalArgumentException(
          "negative term or generation: %d, %d".formatted(term, generation));
    }
    if (!history.isEmpty() && history.entries().getLast().term() > term) {
      throw new IllegalArgumentException("history %s goes beyond term %d".formatted(history, term));
    }
    if (commitLsn.isBefore(properties.startLsn())) {
      throw new IllegalArgumentException(
          "commit LSN %s is before the timeline's start %s"
              .formatted(commitLsn, properties.startLsn()));
    }
  }

  /** Of a safekeeper that has heard of the timeline for the first time. */
  public static AcceptorState initial(TimelineProperties properties, int generation) {
    Lsn start = properties.startLsn();
    return new AcceptorState(properties, generation, 0, TermHistory.EMPTY, start, start);
  }

  /**
   * Of a safekeeper that a proposer lets make the timeline. It begins in the proposer's term: it
   * may have voted in it, if it had the timeline before and lost its disk.
   */
  public static AcceptorState initial(Request.Greeting greeting) {
    return initial(greeting.properties(), greeting.generation()).withTerm(greeting.term());
  }

  AcceptorState withGeneration(int newGeneration) {
    return new AcceptorState(properties, newGeneration, term, history, commitLsn, truncateLsn);
  }

  AcceptorState withTerm(long newTerm) {
    return new AcceptorState(properties, generation, newTerm, history, commitLsn, truncateLsn);
  }

  AcceptorState withHistory(TermHistory newHistory) {
    return new AcceptorState(properties, generation, term, newHistory, commitLsn, truncateLsn);
  }

  AcceptorState withPositions(Lsn newCommitLsn, Lsn newTruncateLsn) {
    return new AcceptorState(properties, generation, term, history, newCommitLsn, newTruncateLsn);
  }
}
