package io.coppice.it.history;

import io.coppice.it.history.Operation.Append;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

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

  /** The elements that it appended, or tried to. */
  Set<Long> appended() {
    return operations.stream()
        .filter(Append.class::isInstance)
        .map(operation -> ((Append) operation).element())
        .collect(Collectors.toSet());
  }

  Transaction with(Outcome known) {
    return new Transaction(id, operations, known, invokedNanos, completedNanos);
  }

  boolean mayBeCommitted() {
    return outcome != Outcome.FAILED;
  }
}
