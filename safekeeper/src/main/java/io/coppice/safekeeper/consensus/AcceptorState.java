package io.coppice.safekeeper.consensus;

import io.coppice.common.id.Lsn;

/**
 * What an acceptor must not forget.
 *
 * @param generation newest seen; in older ones this safekeeper does nothing any more
 * @param term newest term seen; a vote for it may have been given
 * @param history of the log; may run ahead of it
 * @param commitLsn known to be on a quorum; a record boundary
 * @param truncateLsn WAL below is needed by no safekeeper: all have it, durably
 * @param retention what WAL is kept here, and what is elsewhere
 */
public record AcceptorState(
    TimelineProperties properties,
    int generation,
    long term,
    TermHistory history,
    Lsn commitLsn,
    Lsn truncateLsn,
    Retention retention) {

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
    if (retention.localStartLsn().isBefore(properties.startLsn())
        || retention.localStartLsn().isAfter(commitLsn)) {
      throw new IllegalArgumentException(
          "WAL is here from %s on, of a timeline that starts at %s and is committed up to %s"
              .formatted(retention.localStartLsn(), properties.startLsn(), commitLsn));
    }
  }

  /** Of a safekeeper that has all of its WAL, and knows of no other place that has any. */
  public AcceptorState(
      TimelineProperties properties,
      int generation,
      long term,
      TermHistory history,
      Lsn commitLsn,
      Lsn truncateLsn) {
    this(
        properties,
        generation,
        term,
        history,
        commitLsn,
        truncateLsn,
        Retention.initial(properties.startLsn()));
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
    return new AcceptorState(
        properties, newGeneration, term, history, commitLsn, truncateLsn, retention);
  }

  AcceptorState withTerm(long newTerm) {
    return new AcceptorState(
        properties, generation, newTerm, history, commitLsn, truncateLsn, retention);
  }

  AcceptorState withHistory(TermHistory newHistory) {
    return new AcceptorState(
        properties, generation, term, newHistory, commitLsn, truncateLsn, retention);
  }

  AcceptorState withPositions(Lsn newCommitLsn, Lsn newTruncateLsn, Retention newRetention) {
    return new AcceptorState(
        properties, generation, term, history, newCommitLsn, newTruncateLsn, newRetention);
  }

  AcceptorState withLocalStart(Lsn localStartLsn) {
    return withPositions(commitLsn, truncateLsn, retention.withLocalStart(localStartLsn));
  }
}
