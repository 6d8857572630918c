package io.coppice.cli.output;

/** A command cannot do its work, for a reason that needs no stack trace. */
public final class CommandFailure extends Exception {
  private final ExitCode code;

  public CommandFailure(ExitCode code, String message) {
    super(message);
    this.code = code;
  }

  public ExitCode code() {
    return code;
  }
}
