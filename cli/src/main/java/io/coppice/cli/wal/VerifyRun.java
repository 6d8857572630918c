package io.coppice.cli.wal;

import io.coppice.cli.output.Output;
import io.coppice.cli.output.Texts;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.platform.Clock;
import io.coppice.postgres.files.ClusterFiles;
import io.coppice.postgres.files.WalFileReader;
import io.coppice.postgres.files.WalFiles;
import io.coppice.postgres.verify.Mismatch;
import io.coppice.postgres.verify.WalVerifier;
import io.coppice.postgres.wal.WalRecord;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Replays WAL over a base and notes where the pages are not as Postgres had them. */
public final class VerifyRun {
  /** All are counted; so many are kept to be shown, and dumped. */
  private static final int MISMATCHES_KEPT_MAX = 100;

  private static final long PROGRESS_MILLIS = 2_000;
  private static final int RECORDS_BETWEEN_CLOCKS = 4_096;

  private final Output output;
  private final Clock clock;
  private final Optional<Path> dumpDirectory;
  private final List<Mismatch> mismatches = new ArrayList<>();
  private Optional<IOException> dumpFailure = Optional.empty();

  /**
   * @param dumpDirectory gets both pages of each mismatch
   */
  public VerifyRun(Output output, Clock clock, Optional<Path> dumpDirectory) {
    this.output = output;
    this.clock = clock;
    this.dumpDirectory = dumpDirectory;
  }

  /**
   * Replays from where the base says, to the end of the log or to the last record that ends at or
   * before {@code until}.
   */
  public VerifyReport run(Path baseDirectory, Path walDirectory, Optional<Lsn> until)
      throws StorageException, IOException {
    try (ClusterFiles base = ClusterFiles.open(baseDirectory)) {
      WalFiles wal = WalFiles.open(walDirectory);
      checkSameCluster(base, wal);
      if (until.isPresent() && until.get().isBefore(base.startLsn())) {
        throw new StorageException.Precondition(
            "the base begins at %s; %s is before it".formatted(base.startLsn(), until.get()));
      }
      if (dumpDirectory.isPresent()) {
        Files.createDirectories(dumpDirectory.get());
      }
      WalVerifier verifier = new WalVerifier(wal.version(), base, this::note);
      long startMillis = clock.monotonicMillis();
      Lsn end = replay(verifier, wal, base.startLsn(), until, startMillis);
      if (dumpFailure.isPresent()) {
        throw dumpFailure.get();
      }
      return new VerifyReport(
          wal.version(),
          base.startLsn(),
          end,
          clock.monotonicMillis() - startMillis,
          verifier.total(),
          verifier.byType(),
          List.copyOf(mismatches));
    }
  }

  private static void checkSameCluster(ClusterFiles base, WalFiles wal)
      throws StorageException.Precondition {
    if (base.control().systemId() != wal.systemId()) {
      throw new StorageException.Precondition(
          "the base is of cluster %s, the WAL of %s"
              .formatted(
                  Long.toUnsignedString(base.control().systemId()),
                  Long.toUnsignedString(wal.systemId())));
    }
  }

  private Lsn replay(
      WalVerifier verifier, WalFiles wal, Lsn start, Optional<Lsn> until, long startMillis)
      throws StorageException {
    Lsn limit = until.orElse(Lsn.MAX);
    WalRecord record = new WalRecord();
    long records = 0;
    long shownMillis = startMillis;
    Lsn end = start;
    try (WalFileReader reader = wal.readFrom(start)) {
      while (reader.next(record) && record.end().isAtOrBefore(limit)) {
        verifier.verify(record);
        end = record.end();
        records++;
        if (records % RECORDS_BETWEEN_CLOCKS == 0) {
          long now = clock.monotonicMillis();
          if (now - shownMillis >= PROGRESS_MILLIS) {
            shownMillis = now;
            output.message(
                "at %s: %s records, %s a second, %d mismatches"
                    .formatted(
                        end,
                        Texts.count(records),
                        Texts.count(records * 1_000 / Math.max(1, now - startMillis)),
                        verifier.total().mismatches()));
          }
        }
      }
    }
    return end;
  }

  private void note(Mismatch mismatch) {
    if (mismatches.size() >= MISMATCHES_KEPT_MAX) {
      return;
    }
    mismatches.add(mismatch);
    if (dumpDirectory.isPresent() && dumpFailure.isEmpty()) {
      try {
        dump(dumpDirectory.get(), mismatch);
      } catch (IOException e) {
        dumpFailure = Optional.of(e);
      }
    }
  }

  private static void dump(Path directory, Mismatch mismatch) throws IOException {
    String name =
        "%016X-%s-%s"
            .formatted(
                mismatch.lsn().value(),
                mismatch.fork().toString().replace('/', '-'),
                Integer.toUnsignedString(mismatch.block()));
    Files.write(directory.resolve(name + ".expected"), mismatch.expectedPage());
    Files.write(directory.resolve(name + ".actual"), mismatch.actualPage());
  }
}
