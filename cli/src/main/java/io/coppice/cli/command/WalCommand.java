package io.coppice.cli.command;

import io.coppice.cli.Session;
import io.coppice.cli.output.CommandFailure;
import io.coppice.cli.output.ExitCode;
import io.coppice.cli.wal.DumpRun;
import io.coppice.cli.wal.RecordFilter;
import io.coppice.cli.wal.VerifyReport;
import io.coppice.cli.wal.VerifyRun;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.postgres.files.WalFiles;
import io.coppice.postgres.record.ResourceManager;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code coppice wal}. */
@Command(name = "wal", description = "Write-ahead log in files; needs no server.")
public final class WalCommand extends Noun {

  public WalCommand(Session session) {
    super(session);
  }

  @Command(
      name = "verify",
      description = {
        "Replays WAL over a base backup and compares every page with Postgres's own.",
        "The WAL must have been written with wal_consistency_checking = all, so that it has the"
            + " pages to compare with. Exits with 9 if one differs or a record is unknown."
      })
  void verify(
      @Option(
              names = "--base",
              paramLabel = "DIR",
              required = true,
              description = "A base backup, or the data directory of a stopped server.")
          Path base,
      @Option(
              names = "--wal",
              paramLabel = "DIR",
              required = true,
              description = "Its WAL segments from then on.")
          Path wal,
      @Option(names = "--until", paramLabel = "LSN", description = "Ends there.")
          @Nullable Lsn until,
      @Option(
              names = "--dump",
              paramLabel = "DIR",
              description = "Gets both pages of the first 100 mismatches, masked.")
          @Nullable Path dump)
      throws StorageException, IOException, CommandFailure {
    VerifyReport report =
        new VerifyRun(output(), session().clock(), Optional.ofNullable(dump))
            .run(base, wal, Optional.ofNullable(until));
    report.print(output());
    if (!report.isClean()) {
      throw new CommandFailure(
          ExitCode.DAMAGED,
          "%d mismatches, %d blocks of unsupported records"
              .formatted(report.total().mismatches(), report.total().unsupported()));
    }
  }

  @Command(
      name = "dump",
      description = {
        "Prints records, in the manner of pg_waldump, for every supported major.",
        "With -o json, an object on a line for each."
      })
  void dump(
      @Option(
              names = "--wal",
              paramLabel = "DIR",
              required = true,
              description = "Directory of WAL segments.")
          Path directory,
      @Option(names = "--from", paramLabel = "LSN", description = "Records from there on.")
          @Nullable Lsn from,
      @Option(names = "--to", paramLabel = "LSN", description = "Records that begin before it.")
          @Nullable Lsn to,
      @Option(
              names = "--rmgr",
              paramLabel = "R",
              description = "Of that resource manager: Heap, Btree, Transaction, ...")
          @Nullable String resourceManager,
      @Option(
              names = "--rel",
              paramLabel = "SPC/DB/REL",
              description = "With a block of that relation.")
          @Nullable RelationTag relation,
      @Option(names = "--stats", description = "Counts and sizes by type instead.") boolean stats)
      throws StorageException {
    OptionalInt wanted =
        resourceManager == null ? OptionalInt.empty() : OptionalInt.of(idOf(resourceManager));
    RecordFilter filter =
        new RecordFilter(
            from == null ? Lsn.INVALID : from,
            to == null ? Lsn.MAX : to,
            wanted,
            Optional.ofNullable(relation));
    DumpRun run = new DumpRun(output(), WalFiles.open(directory), filter);
    if (stats) {
      run.printStatistics();
    } else {
      run.printRecords();
    }
  }

  private static int idOf(String name) throws StorageException.Invalid {
    List<String> names = new ArrayList<>();
    for (int id = 0; id <= ResourceManager.LOGICALMSG; id++) {
      if (ResourceManager.name(id).equalsIgnoreCase(name)) {
        return id;
      }
      names.add(ResourceManager.name(id));
    }
    throw new StorageException.Invalid(
        "no resource manager \"%s\" (expected one of %s)"
            .formatted(name, String.join(", ", names)));
  }
}
