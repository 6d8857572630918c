package io.coppice.cli.command;

import io.coppice.cli.Session;
import io.coppice.cli.output.Column;
import io.coppice.cli.output.CommandFailure;
import io.coppice.cli.output.Texts;
import io.coppice.common.error.StorageException;
import io.coppice.compute.storage.LsnAtTime;
import io.coppice.compute.storage.PageserverClient;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code coppice lsn}. */
@Command(name = "lsn", description = "From a time to a place in history.")
public final class LsnCommand extends Noun {
  private static final List<Column<LsnAtTime>> COLUMNS =
      List.of(
          Column.of("lsn", found -> found.lsn().toString()),
          Column.of("kind", found -> found.kind().name().toLowerCase(Locale.ROOT)),
          Column.of("commit_time", found -> found.commitTime().map(Texts::time).orElse(null)));

  public LsnCommand(Session session) {
    super(session);
  }

  @Command(name = "at", description = "The LSN of the last commit at or before a time, exactly.")
  void at(
      @Parameters(paramLabel = "TIME", description = "RFC 3339: 2026-11-21T14:02:07.5Z")
          Instant time,
      @Option(
              names = "--branch",
              paramLabel = "BRANCH",
              defaultValue = "main",
              description = "Name or id (default: main).")
          String branch)
      throws StorageException, CommandFailure {
    try (PageserverClient client = session().pageserver()) {
      output().one(COLUMNS, client.lsnAtTime(session().tenant(client).id(), branch, time));
    }
  }
}
