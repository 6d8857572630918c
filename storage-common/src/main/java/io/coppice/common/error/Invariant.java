package io.coppice.common.error;

import org.jspecify.annotations.Nullable;

/**
 * What must hold whatever the world does. A violation is our bug: the process must not go on with
 * the state that showed it. Bytes from a disk or a peer are never checked with this.
 */
public final class Invariant {

  /** Thrown when an invariant does not hold. */
  public static final class Violation extends Error {
    private Violation(String message) {
      super(message);
    }
  }

  private Invariant() {}

  public static void check(boolean holds, String message, @Nullable Object... arguments) {
    if (!holds) {
      throw new Violation(message.formatted(arguments));
    }
  }
}
