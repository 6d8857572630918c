package io.coppice.cli;

import io.coppice.cli.output.Output;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** {@code coppice} itself, with the options that every command takes. */
@Command(
    name = "coppice",
    description = "Branches for an unmodified PostgreSQL.",
    synopsisSubcommandLabel = "COMMAND",
    footer = {
      "",
      "Try `coppice demo`, or `coppice up` and what it prints.",
      "Data goes to stdout, messages to stderr. Exit codes: docs/operations.md."
    })
public final class Root implements Runnable {
  private final Output output;

  @Spec private @Nullable CommandSpec spec;

  @Option(
      names = {"-o", "--output"},
      paramLabel = "table|json",
      description = "Form of the result (default: table).",
      scope = ScopeType.INHERIT)
  void setFormat(Output.Format format) {
    output.setFormat(format);
  }

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description = "Configuration; else $COPPICE_CONFIG, else coppice.toml in the data directory.",
      scope = ScopeType.INHERIT)
  private @Nullable Path config;

  @Option(
      names = "--data-dir",
      paramLabel = "DIR",
      description = "Where everything is kept; short for --set data_dir=DIR.",
      scope = ScopeType.INHERIT)
  private @Nullable Path dataDir;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "Sets one key of the configuration.",
      scope = ScopeType.INHERIT)
  private List<String> assignments = new ArrayList<>();

  @Option(
      names = "--tenant",
      paramLabel = "NAME|ID",
      description = "Which tenant; else $COPPICE_TENANT, else the only one there is.",
      scope = ScopeType.INHERIT)
  private @Nullable String tenant;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Shows this text.",
      scope = ScopeType.INHERIT)
  @SuppressWarnings("UnusedVariable") // picocli looks at it
  private boolean help;

  Root(Output output) {
    this.output = output;
  }

  public Optional<Path> config() {
    return Optional.ofNullable(config);
  }

  public Optional<Path> dataDir() {
    return Optional.ofNullable(dataDir);
  }

  public List<String> assignments() {
    return List.copyOf(assignments);
  }

  public Optional<String> tenant() {
    return Optional.ofNullable(tenant);
  }

  @Override
  public void run() {
    if (spec != null) {
      throw new ParameterException(spec.commandLine(), "which command?");
    }
  }
}
