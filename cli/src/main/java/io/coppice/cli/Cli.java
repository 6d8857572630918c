package io.coppice.cli;

import io.coppice.cli.command.BranchCommand;
import io.coppice.cli.command.CompletionCommand;
import io.coppice.cli.command.ConfigCommand;
import io.coppice.cli.command.ConnectionStringCommand;
import io.coppice.cli.command.Converters;
import io.coppice.cli.command.DoctorCommand;
import io.coppice.cli.command.EndpointCommand;
import io.coppice.cli.command.LsnCommand;
import io.coppice.cli.command.PageCommand;
import io.coppice.cli.command.SafekeeperCommand;
import io.coppice.cli.command.ScrubCommand;
import io.coppice.cli.command.TenantCommand;
import io.coppice.cli.command.TimeCommand;
import io.coppice.cli.command.VersionCommand;
import io.coppice.cli.command.WalCommand;
import io.coppice.cli.command.WhyCommand;
import io.coppice.cli.demo.DemoCommand;
import io.coppice.cli.output.CommandFailure;
import io.coppice.cli.output.ExitCode;
import io.coppice.cli.output.Failures;
import io.coppice.cli.output.Output;
import io.coppice.cli.server.ServerCommands;
import io.coppice.common.platform.Clock;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** One run of the command line. */
public final class Cli {
  private final Output output;
  private final CommandLine commandLine;

  /** Takes the world as arguments, so that tests can bring their own. */
  public Cli(PrintStream out, PrintStream err, Map<String, String> environment, Clock clock) {
    output = new Output(out, err);
    Root root = new Root(output);
    Session session = new Session(root, output, environment, clock);
    commandLine = new CommandLine(root);
    for (Object command : commands(session)) {
      commandLine.addSubcommand(command);
    }
    Converters.register(commandLine);
    commandLine.setCaseInsensitiveEnumValuesAllowed(true);
    commandLine.setOut(new PrintWriter(out, true, StandardCharsets.UTF_8));
    commandLine.setErr(new PrintWriter(err, true, StandardCharsets.UTF_8));
    commandLine.setParameterExceptionHandler(this::explainUsage);
    commandLine.setExecutionExceptionHandler((failure, _, _) -> {
      if (failure instanceof ParameterException usage) {
        throw usage;
      }
      return explain(failure);
    });
  }

  private static List<Object> commands(Session session) {
    return List.of(
        new DemoCommand(session),
        new ServerCommands.Up(session),
        new TenantCommand(session),
        new BranchCommand(session),
        new EndpointCommand(session),
        new ConnectionStringCommand(session),
        new PageCommand(session),
        new WhyCommand(session),
        new LsnCommand(session),
        new TimeCommand(session),
        new WalCommand(session),
        new ServerCommands.PageserverRole(session),
        new SafekeeperCommand(session),
        new ConfigCommand(session),
        new DoctorCommand(session),
        new ScrubCommand(session),
        new CompletionCommand(session),
        new VersionCommand(session));
  }

  /** Runs one command; returns the exit code. */
  public int run(String... arguments) {
    return commandLine.execute(arguments);
  }

  private int explain(Throwable failure) {
    ExitCode code = Failures.code(failure);
    if (code == ExitCode.INTERNAL && !(failure instanceof CommandFailure)) {
      output.trace(failure);
    }
    output.failure(code, Failures.message(failure));
    return code.number();
  }

  private int explainUsage(ParameterException failure, String[] arguments) {
    if (asksForJson(arguments)) {
      output.setFormat(Output.Format.JSON);
    }
    String suggestion = "";
    if (failure instanceof UnmatchedArgumentException unmatched
        && !unmatched.getSuggestions().isEmpty()) {
      suggestion = " (did you mean %s?)".formatted(String.join(" or ", unmatched.getSuggestions()));
    }
    output.failure(ExitCode.USAGE, failure.getMessage() + suggestion);
    if (!output.isJson()) {
      output.message(
          "Try `%s --help`.".formatted(failure.getCommandLine().getCommandSpec().qualifiedName()));
    }
    return ExitCode.USAGE.number();
  }

  /** A wrong command line may be refused before its -o was seen. */
  private static boolean asksForJson(String[] arguments) {
    String joined = String.join(" ", Arrays.asList(arguments)).replace('=', ' ');
    return joined.matches("(?i).*(-o ?|--output )json\\b.*");
  }
}
