package io.coppice.compute.proposer;

/**
 * What a proposer is doing. It goes from {@link #ELECTED} to {@link #STREAMING}, and from both to
 * {@link #FENCED} or {@link #STOPPED}, where it stays.
 */
public enum ProposerState {
  /** A quorum has voted and holds all WAL up to the start; no Postgres is attached. */
  ELECTED,
  /** WAL is coming from Postgres. */
  STREAMING,
  /** A newer proposer took over. */
  FENCED,
  /** Closed, or Postgres is gone, or it failed. */
  STOPPED
}
