package io.coppice.bench;

import io.coppice.common.error.StorageException;
import io.coppice.compute.postgres.DirectoryTrees;
import io.coppice.compute.postgres.RunAs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;

/** What the benchmarks of one run share: programs, user, a directory, and data made once. */
final class Workspace implements AutoCloseable {
  private final Options options;
  private final Programs programs;
  private final RunAs runAs;
  private final Path directory;
  private Optional<WalArchive> archive = Optional.empty();

  private Workspace(Options options, Programs programs, RunAs runAs, Path directory) {
    this.options = options;
    this.programs = programs;
    this.runAs = runAs;
    this.directory = directory;
  }

  static Workspace open(Options options)
      throws BenchFailure, StorageException, IOException, InterruptedException {
    Programs programs = Programs.find(options.pgBin());
    RunAs runAs = RunAs.resolve(Optional.empty());
    Path directory =
        options.workDirectory().isPresent()
            ? Files.createTempDirectory(options.workDirectory().get(), "coppice-bench-")
            : Files.createTempDirectory("coppice-bench-");
    // Postgres runs as another user, who must be able to enter.
    Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    return new Workspace(options, programs, runAs, directory);
  }

  Options options() {
    return options;
  }

  Programs programs() {
    return programs;
  }

  RunAs runAs() {
    return runAs;
  }

  /** A new directory that Postgres's user can enter. */
  Path newDirectory(String name) throws IOException {
    Path created = Files.createTempDirectory(directory, name + "-");
    Files.setPosixFilePermissions(created, PosixFilePermissions.fromString("rwxr-xr-x"));
    return created;
  }

  /** WAL of pgbench, made once. */
  WalArchive archive() throws BenchFailure, StorageException, IOException, InterruptedException {
    if (archive.isEmpty()) {
      archive = Optional.of(findOrMakeArchive());
    }
    return archive.get();
  }

  private WalArchive findOrMakeArchive()
      throws BenchFailure, StorageException, IOException, InterruptedException {
    if (options.walDirectory().isEmpty()) {
      return makeArchive(newDirectory("wal"));
    }
    Path kept = options.walDirectory().get();
    if (Files.exists(kept)) {
      return WalArchive.find(kept, options.walSizeBytesMin());
    }
    Files.createDirectories(kept);
    Files.setPosixFilePermissions(kept, PosixFilePermissions.fromString("rwxr-xr-x"));
    return makeArchive(kept);
  }

  private WalArchive makeArchive(Path in)
      throws BenchFailure, StorageException, IOException, InterruptedException {
    return WalArchive.make(
        programs, runAs, in, options, options.walSizeBytesMin(), WalArchive.BetweenRounds.NOTHING);
  }

  @Override
  public void close() {
    try {
      DirectoryTrees.delete(directory);
    } catch (IOException e) {
      System.err.printf("bench: could not delete %s: %s%n", directory, e);
    }
  }
}
