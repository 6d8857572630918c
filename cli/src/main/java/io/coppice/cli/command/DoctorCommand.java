package io.coppice.cli.command;

import io.coppice.cli.Session;
import io.coppice.cli.output.Column;
import io.coppice.cli.output.CommandFailure;
import io.coppice.cli.output.ExitCode;
import io.coppice.common.config.CoppiceConfig;
import io.coppice.common.error.StorageException;
import io.coppice.common.objectstore.ObjectStoreUrl;
import io.coppice.common.objectstore.s3.S3Doctor;
import io.coppice.common.platform.Ids;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.function.ToLongFunction;
import picocli.CommandLine.Command;

/** {@code coppice doctor}. */
@Command(name = "doctor", description = "Tries what Coppice stands on; needs no running server.")
public final class DoctorCommand extends Noun {
  private static final double MICROS_PER_MILLI = 1_000;

  private static final List<Column<S3Doctor.Finding>> FINDING =
      List.of(
          Column.of("check", S3Doctor.Finding::check),
          Column.of("works", finding -> finding.failure().isEmpty()),
          millis("latency_ms", S3Doctor.Finding::latencyMicros));

  private static final List<Column<DiskTrial.Result>> DISK =
      List.of(
          Column.of("directory", result -> result.directory().toString()),
          Column.of("file_system", DiskTrial.Result::fileSystem),
          Column.size("free", DiskTrial.Result::freeBytes),
          Column.size("of", DiskTrial.Result::totalBytes),
          Column.of("syncs", DiskTrial.Result::syncs),
          millis("sync_median_ms", DiskTrial.Result::medianMicros),
          millis("sync_p99_ms", DiskTrial.Result::p99Micros),
          millis("sync_max_ms", DiskTrial.Result::maxMicros));

  public DoctorCommand(Session session) {
    super(session);
  }

  private static <T> Column<T> millis(String name, ToLongFunction<T> micros) {
    return new Column<>(
        name,
        row -> micros.applyAsLong(row) / MICROS_PER_MILLI,
        row -> "%.1f".formatted(micros.applyAsLong(row) / MICROS_PER_MILLI));
  }

  @Command(
      name = "s3",
      description = "Writes, reads, lists and deletes objects where object_store.url says.")
  void s3() throws StorageException, CommandFailure {
    CoppiceConfig config = session().config();
    if (!(config.objectStore().url() instanceof ObjectStoreUrl.Bucket bucket)) {
      throw new CommandFailure(
          ExitCode.PRECONDITION,
          "the object store is the directory %s: set object_store.url to s3://bucket/prefix to try"
                  .formatted(config.objectStore().url())
              + " one");
    }
    List<S3Doctor.Finding> findings =
        S3Doctor.examine(bucket, config.objectStore().s3(), Ids.secureRandom(), session().clock());
    output().list(FINDING, findings);
    Optional<StorageException> failure =
        findings.stream().flatMap(finding -> finding.failure().stream()).findFirst();
    if (failure.isPresent()) {
      throw failure.get();
    }
  }

  @Command(
      name = "disk",
      description =
          "Syncs small writes to the data directory, as a safekeeper does at each commit.")
  void disk() throws StorageException, IOException {
    output().one(DISK, DiskTrial.run(session().config().dataDir(), session().clock()));
  }
}
