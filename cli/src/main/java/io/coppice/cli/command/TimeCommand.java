package io.coppice.cli.command;

import io.coppice.cli.Session;
import io.coppice.cli.output.Column;
import io.coppice.cli.output.CommandFailure;
import io.coppice.cli.output.Texts;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.compute.storage.PageserverClient;
import io.coppice.compute.storage.TimeAtLsn;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code coppice time}. */
@Command(name = "time", description = "From a place in history to a time.")
public final class TimeCommand extends Noun {
  private static final List<Column<TimeAtLsn>> COLUMNS =
      List.of(
          Column.of("commit_time", found -> Texts.time(found.commitTime())),
          Column.of("commit_lsn", found -> found.commitLsn().toString()));

  public TimeCommand(Session session) {
    super(session);
  }

  @Command(name = "at", description = "When the last commit at or before an LSN was made.")
  void at(
      @Parameters(paramLabel = "LSN", description = "Such as 0/16B3748.") Lsn lsn,
      @Option(
              names = "--branch",
              paramLabel = "BRANCH",
              defaultValue = "main",
              description = "Name or id (default: main).")
          String branch)
      throws StorageException, CommandFailure {
    try (PageserverClient client = session().pageserver()) {
      output().one(COLUMNS, client.timeAtLsn(session().tenant(client).id(), branch, lsn));
    }
  }
}
