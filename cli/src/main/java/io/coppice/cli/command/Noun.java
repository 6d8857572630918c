package io.coppice.cli.command;

import io.coppice.cli.Session;
import io.coppice.cli.output.Output;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** A group of commands; alone it is not one. */
abstract class Noun implements Runnable {
  private final Session session;

  @Spec private @Nullable CommandSpec spec;

  Noun(Session session) {
    this.session = session;
  }

  final Session session() {
    return session;
  }

  final Output output() {
    return session.output();
  }

  @Override
  public final void run() {
    if (spec != null) {
      String verbs = String.join(", ", spec.subcommands().keySet());
      throw new ParameterException(
          spec.commandLine(), "%s what? One of %s".formatted(spec.name(), verbs));
    }
  }
}
