package io.coppice.safekeeper.consensus;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import java.util.Comparator;
import java.util.List;

/**
 * What a safekeeper that has lost a timeline takes over from its peers. They have raised their
 * generation first, and say what they had then.
 *
 * <p>Once n - q + 1 peers are in the new generation, nobody is elected and nothing is committed
 * with a vote or an acknowledgement that was given in an older one and is forgotten, because every
 * quorum that the lost safekeeper was part of has one of them. What had been committed by then is
 * in what they said, so in the greatest log.
 *
 * @param donor whose log is to be copied, from where it said that it begins up to where it ends
 * @param state of a safekeeper that has seen all that the peers have
 */
public record RebuildPlan(Peer donor, AcceptorState state) {

  /** What one peer said. */
  public record Peer(NodeId node, AcceptorState state, Lsn flushLsn) {}

  /** How many peers have to answer, of a set of so many members. */
  public static int answersNeeded(int members) {
    int quorum = members / 2 + 1;
    return members - quorum + 1;
  }

  /** The generation to raise the peers to: one that nobody has seen. */
  public static int generationAfter(List<Peer> peers) {
    return 1 + peers.stream().mapToInt(peer -> peer.state().generation()).max().orElseThrow();
  }

  /**
   * Plans.
   *
   * @param generation that all {@code peers} have been raised to before they answered
   * @throws StorageException.Precondition if the peers have lost committed WAL, too
   */
  public static RebuildPlan of(int generation, List<Peer> peers)
      throws StorageException.Precondition {
    Peer donor =
        peers.stream()
            .max(
                Comparator.comparingLong((Peer peer) -> lastLogTerm(peer))
                    .thenComparing(Peer::flushLsn))
            .orElseThrow();
    Lsn end = donor.flushLsn();
    TermHistory history = donor.state().history().upTo(end);
    long term = 0;
    Lsn commitLsn = donor.state().commitLsn();
    Lsn truncateLsn = donor.state().truncateLsn();
    Retention retention = donor.state().retention();
    for (Peer peer : peers) {
      term = Math.max(term, peer.state().term());
      commitLsn = Lsn.max(commitLsn, peer.state().commitLsn());
      truncateLsn = Lsn.max(truncateLsn, peer.state().truncateLsn());
      retention = retention.with(peer.state().retention());
    }
    if (commitLsn.isAfter(end)) {
      throw new StorageException.Precondition(
          "WAL of timeline %s was committed up to %s, but the best log of its peers ends at %s:"
                  .formatted(donor.state().properties().id(), commitLsn, end)
              + " some other safekeeper has lost its data");
    }
    return new RebuildPlan(
        donor,
        new AcceptorState(
            donor.state().properties(),
            generation,
            term,
            history,
            commitLsn,
            truncateLsn,
            retention));
  }

  private static long lastLogTerm(Peer peer) {
    return peer.state().history().lastTermAt(peer.flushLsn());
  }

  /**
   * Up to where a peer's log has the same bytes as the log that is to be copied: from it can come
   * what the donor cannot give out.
   */
  public Lsn sharedEnd(Peer peer) {
    return state
        .history()
        .commonPoint(peer.state().history(), Lsn.min(peer.flushLsn(), donor.flushLsn()));
  }

  /**
   * Whether what was copied is still the donor's log: it may have been cut meanwhile, and what was
   * read then is of two logs.
   */
  public boolean isStillOf(Peer donorNow) {
    return !sharedEnd(donorNow).isBefore(donor.flushLsn());
  }
}
