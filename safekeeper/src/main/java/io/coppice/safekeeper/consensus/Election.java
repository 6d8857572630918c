package io.coppice.safekeeper.consensus;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import java.util.Comparator;
import java.util.List;

/**
 * What the votes of a quorum come to. The greatest log among them, the donor's, holds all that is
 * committed: the new term's log is that log, and its own WAL begins at the end of it.
 *
 * @param history of the log, with the new term
 * @param truncateLsn the greatest of the voters'
 */
record Election(
    Lsn startLsn, TermHistory history, Lsn truncateLsn, TermHistory donorHistory, long donorTerm) {

  /**
   * Takes the votes of a quorum.
   *
   * @param logOrder finds the greatest log
   * @param committed what is known to be committed apart from what voters say
   * @throws StorageException.Precondition if the log lacks what is committed
   */
  static Election of(
      List<Reply.Vote> votes,
      Comparator<Reply.Vote> logOrder,
      long term,
      Lsn timelineStart,
      Lsn committed)
      throws StorageException.Precondition {
    Reply.Vote donor = votes.stream().max(logOrder).orElseThrow();
    Lsn startLsn = donor.flushLsn();
    Lsn known = committed;
    Lsn truncateLsn = Lsn.INVALID;
    for (Reply.Vote vote : votes) {
      known = Lsn.max(known, vote.commitLsn());
      truncateLsn = Lsn.max(truncateLsn, vote.truncateLsn());
    }
    if (known.isAfter(startLsn)) {
      throw new StorageException.Precondition(
          "WAL up to %s was committed, but the best log of a quorum ends at %s: some safekeeper"
                  .formatted(known, startLsn)
              + " has lost its data");
    }
    TermHistory history =
        donor.history().isEmpty()
            ? new TermHistory(List.of(new TermSwitch(term, timelineStart)))
            : donor.history().upTo(startLsn).with(new TermSwitch(term, startLsn));
    return new Election(startLsn, history, truncateLsn, donor.history(), donor.lastLogTerm());
  }

  /**
   * Whether a log can be led on in the new term: the donor's is a prefix of it, so nothing in it
   * has to change.
   *
   * @param own history of that log
   * @param from before it, the log is not at hand to be sent
   * @param end of that log
   */
  boolean continues(TermHistory own, Lsn from, Lsn end) {
    return startLsn.isAtOrAfter(from)
        && startLsn.isAtOrBefore(end)
        && own.commonPoint(donorHistory, startLsn).equals(startLsn);
  }
}
