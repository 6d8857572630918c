package io.coppice.it.history;

import java.util.List;

/** One step of a transaction, on one of the lists. */
public sealed interface Operation {
  int key();

  /** Appends an element that no other append has. */
  record Append(int key, long element) implements Operation {}

  /** Has read the whole list. */
  record Read(int key, List<Long> seen) implements Operation {
    public Read {
      seen = List.copyOf(seen);
    }
  }
}
