package io.coppice.compute.proposer;

/** Why a proposer ended. */
public sealed interface StopReason {

  /** A proposer of a higher term took over: this one's Postgres must be shut down at once. */
  record Fenced(long byTerm) implements StopReason {}

  /** A majority of safekeepers takes no WAL of this timeline any more: it was deleted. */
  record Refused(String message) implements StopReason {}

  /** The replication connection ended. */
  record PostgresGone(String message) implements StopReason {}

  /** {@link WalProposer#close} was called. */
  record Closed() implements StopReason {}

  /** Something that should not happen did. */
  record Failed(Throwable cause) implements StopReason {}
}
