package io.coppice.safekeeper.consensus;

import io.coppice.common.id.Lsn;

/** WAL from {@code startLsn} on was written by the proposer of {@code term}. */
public record TermSwitch(long term, Lsn startLsn) {
  public TermSwitch {
    if (term < 1) {
      throw new IllegalArgumentException("not a term: " + term + " (expected 1 or more)");
    }
  }

  @Override
  public String toString() {
    return term + "@" + startLsn;
  }
}
