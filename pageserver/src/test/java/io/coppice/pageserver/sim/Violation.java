package io.coppice.pageserver.sim;

/** Something that must hold does not. */
final class Violation extends Error {
  private static final long serialVersionUID = 1;

  Violation(String message) {
    super(message);
  }

  Violation(String message, Throwable cause) {
    super(message, cause);
  }

  static void check(boolean holds, String message, Object... values) {
    if (!holds) {
      throw new Violation(message.formatted(values));
    }
  }
}
