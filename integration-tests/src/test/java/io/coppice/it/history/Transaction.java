package io.coppice.it.history;

import java.util.List;

/**
 * What a client did, and what came of it.
 *
 * @param operations those that were answered, and appends that may have been carried out
 * @param invokedNanos before the first operation
 * @param completedNanos after the answer to the commit
 */
public record Transaction(
    int id, List<Operation> operations, Outcome outcome, long invokedNanos, long completedNanos) {

  /** What the client knows of a commit. */
  public enum Outcome {
    /** It was acknowledged. */
    OK,
    /** It was refused, or never asked for. */
    FAILED,
    /** Asked for, and no answer came. */
    UNKNOWN
  }

  public Transaction {
    operations = List.copyOf(operations);
  }

  boolean mayBeCommitted() {
    return outcome != Outcome.FAILED;
  }
}
