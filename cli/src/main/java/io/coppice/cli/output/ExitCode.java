package io.coppice.cli.output;

import java.util.Locale;

/** What the process tells its caller; the same numbers are in JSON errors. */
public enum ExitCode {
  OK(0, "done"),
  INTERNAL(1, "a bug of Coppice"),
  USAGE(2, "the command line or the configuration is wrong"),
  NOT_FOUND(3, "no such tenant, branch, relation ..."),
  UNAUTHORIZED(4, "not allowed (kept for authentication)"),
  CONFLICT(5, "it exists already, or a newer writer has taken over"),
  BUSY(6, "locked or busy, a port in use: try again later"),
  UNREACHABLE(7, "a server does not answer at its address"),
  TIMED_OUT(8, "a deadline passed"),
  DAMAGED(9, "stored bytes fail their checks"),
  PRECONDITION(10, "not possible in the present state, such as an LSN outside the history");

  private final int number;
  private final String meaning;

  ExitCode(int number, String meaning) {
    this.number = number;
    this.meaning = meaning;
  }

  public int number() {
    return number;
  }

  public String meaning() {
    return meaning;
  }

  /** As in JSON: {@code not_found}. */
  public String kind() {
    return name().toLowerCase(Locale.ROOT);
  }
}
