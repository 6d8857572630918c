package io.coppice.safekeeper.sim;

/** What must never happen was seen to happen. */
final class Violation extends AssertionError {
  private static final long serialVersionUID = 1;

  Violation(String what) {
    super(what);
  }

  Violation(String what, Throwable cause) {
    super(what + ": " + cause, cause);
  }
}
