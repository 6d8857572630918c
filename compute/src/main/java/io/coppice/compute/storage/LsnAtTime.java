package io.coppice.compute.storage;

import io.coppice.common.id.Lsn;
import java.time.Instant;
import java.util.Optional;

/**
 * The state of a branch at a time.
 *
 * @param lsn end of the last commit at or before the time
 * @param commitTime of that commit; empty if no such commit is known
 */
public record LsnAtTime(Lsn lsn, Kind kind, Optional<Instant> commitTime) {

  /** Where the time lies in the history of the branch. */
  public enum Kind {
    /** Commits are known both before and after the time. */
    PRESENT,
    /** No commit after the time is known yet. */
    FUTURE,
    /** No commit at or before the time is known: the LSN is the first of the history. */
    PAST
  }
}
