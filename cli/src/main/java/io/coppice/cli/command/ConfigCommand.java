package io.coppice.cli.command;

import io.coppice.cli.Session;
import io.coppice.cli.output.Column;
import io.coppice.common.config.ConfigKeys;
import io.coppice.common.config.ConfigOrigin;
import io.coppice.common.config.Settings;
import io.coppice.common.error.StorageException;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code coppice config}. */
@Command(name = "config", description = "The configuration: one TOML file for every role.")
public final class ConfigCommand extends Noun {

  public ConfigCommand(Session session) {
    super(session);
  }

  @Command(name = "check", description = "Says whether the configuration is right, or what is not.")
  void check() throws StorageException {
    var _ = session().config();
    output()
        .message(
            session()
                .configFile()
                .map(file -> "%s is right".formatted(file))
                .orElse("there is no configuration file; the settings are right"));
  }

  @Command(name = "print", description = "Shows what is set.")
  void print(
      @Option(names = "--effective", description = "All settings, defaults included.")
          boolean effective,
      @Option(names = "--show-origin", description = "Also where each value comes from.")
          boolean showOrigin)
      throws StorageException {
    var _ = session().config();
    List<Column<Settings.Entry>> columns =
        new ArrayList<>(
            List.of(
                Column.of("key", entry -> entry.key().name()),
                new Column<Settings.Entry>("value", this::value, this::value)));
    columns.add(
        Column.of("reload", entry -> ConfigKeys.RELOADABLE.contains(entry.key()) ? "yes" : "no"));
    if (showOrigin) {
      columns.add(Column.of("origin", entry -> entry.origin().toString()));
    }
    output()
        .list(
            columns,
            session().settings().entries().stream()
                .filter(entry -> effective || !(entry.origin() instanceof ConfigOrigin.Default))
                .toList());
  }

  private String value(Settings.Entry entry) {
    boolean isDataDir = entry.key().name().equals("data_dir");
    return isDataDir && entry.text().isEmpty()
        ? session().defaultDataDir().toString()
        : entry.text();
  }
}
