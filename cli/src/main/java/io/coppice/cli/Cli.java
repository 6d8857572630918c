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
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** One run of the command line. */
public final class Cli {
  private static final String COMPLETION = "completion";

  /** What it prints by itself goes there; a command knows no more of them than {@link Output}. */
  private final PrintStream out;

  private final PrintStream err;
  private final Output output;
  private final Root root;
  private final Session session;

  /** Takes the world as arguments, so that tests can bring their own. */
  public Cli(PrintStream out, PrintStream err, Map<String, String> environment, Clock clock) {
    this.out = out;
    this.err = err;
    output = new Output(out, err);
    root = new Root(output);
    session = new Session(root, output, environment, clock);
  }

  /**
   * What there is to say first. Each is made when it is needed: to look at all of their options
   * takes longer than most commands do.
   */
  private static Map<String, Function<Session, Object>> commands() {
    Map<String, Function<Session, Object>> commands = new LinkedHashMap<>();
    commands.put("demo", DemoCommand::new);
    commands.put("up", ServerCommands.Up::new);
    commands.put("tenant", TenantCommand::new);
    commands.put("branch", BranchCommand::new);
    commands.put("endpoint", EndpointCommand::new);
    commands.put("connection-string", ConnectionStringCommand::new);
    commands.put("page", PageCommand::new);
    commands.put("why", WhyCommand::new);
    commands.put("lsn", LsnCommand::new);
    commands.put("time", TimeCommand::new);
    commands.put("wal", WalCommand::new);
    commands.put("pageserver", ServerCommands.PageserverRole::new);
    commands.put("safekeeper", SafekeeperCommand::new);
    commands.put("config", ConfigCommand::new);
    commands.put("doctor", DoctorCommand::new);
    commands.put("scrub", ScrubCommand::new);
    commands.put(COMPLETION, CompletionCommand::new);
    commands.put("version", VersionCommand::new);
    return commands;
  }

  /** Knows the command that is asked for; or all of them, if it is not clear which that is. */
  private CommandLine commandLine(String[] arguments) {
    Map<String, Function<Session, Object>> commands = commands();
    String first = arguments.length > 0 ? arguments[0] : "";
    boolean isEnough = commands.containsKey(first) && !first.equals(COMPLETION);
    CommandLine commandLine = new CommandLine(root);
    commands.forEach((name, command) -> {
      if (!isEnough || name.equals(first)) {
        commandLine.addSubcommand(command.apply(session));
      }
    });
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
    return commandLine;
  }

  /** Runs one command; returns the exit code. */
  public int run(String... arguments) {
    return commandLine(arguments).execute(arguments);
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
