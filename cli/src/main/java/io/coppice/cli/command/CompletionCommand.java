package io.coppice.cli.command;

import io.coppice.cli.Session;
import org.jspecify.annotations.Nullable;
import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code coppice completion}. */
@Command(
    name = "completion",
    description = {
      "Prints a script for completion in bash and zsh.",
      "  source <(coppice completion)"
    })
public final class CompletionCommand implements Runnable {
  private final Session session;

  @Spec private @Nullable CommandSpec spec;

  public CompletionCommand(Session session) {
    this.session = session;
  }

  @Override
  public void run() {
    if (spec != null) {
      session.output().print(AutoComplete.bash("coppice", spec.root().commandLine()));
    }
  }
}
