package io.coppice.cli.command;

import io.coppice.cli.BuildInfo;
import io.coppice.cli.Session;
import io.coppice.cli.output.Column;
import io.coppice.postgres.version.PostgresVersion;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;

/** {@code coppice version}. */
@Command(name = "version", description = "Shows what this is.")
public final class VersionCommand implements Runnable {
  private final Session session;

  public VersionCommand(Session session) {
    this.session = session;
  }

  @Override
  public void run() {
    BuildInfo build = BuildInfo.load();
    session
        .output()
        .one(
            List.<Column<BuildInfo>>of(
                Column.of("coppice", BuildInfo::version),
                Column.of("commit", BuildInfo::commit),
                Column.of("postgres_majors", _ -> majors()),
                Column.of("java", _ -> Runtime.version().toString())),
            build);
  }

  private static String majors() {
    return Arrays.stream(PostgresVersion.values())
        .map(version -> String.valueOf(version.major()))
        .collect(Collectors.joining(", "));
  }
}
