package io.coppice.bench;

import io.coppice.common.error.StorageException;
import io.coppice.compute.postgres.DirectoryTrees;
import io.coppice.compute.postgres.RunAs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/** What the benchmarks of one run share: programs, user, a directory, and data made once. */
final class Workspace implements AutoCloseable {
  private final Options options;
  private final Programs programs;
  private final RunAs runAs;
  private final Path directory;
  private final Map<String, WalArchive> archives = new HashMap<>();

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
    return archive("short", 1, WalArchive.BetweenRounds.NOTHING);
  }

  /** So many times as much, with a checkpoint now and then, made once. */
  WalArchive longArchive(long timesLarger)
      throws BenchFailure, StorageException, IOException, InterruptedException {
    return archive("long", timesLarger, WalArchive.BetweenRounds.CHECKPOINT);
  }

  private WalArchive archive(String name, long timesLarger, WalArchive.BetweenRounds betweenRounds)
      throws BenchFailure, StorageException, IOException, InterruptedException {
    WalArchive found = archives.get(name);
    if (found == null) {
      found = findOrMake(name, timesLarger * options.walSizeBytesMin(), betweenRounds);
      archives.put(name, found);
    }
    return found;
  }

  private WalArchive findOrMake(
      String name, long sizeBytesMin, WalArchive.BetweenRounds betweenRounds)
      throws BenchFailure, StorageException, IOException, InterruptedException {
    Path in;
    if (options.walDirectory().isEmpty()) {
      in = newDirectory("wal");
    } else {
      Path kept = options.walDirectory().get();
      in = kept.resolve(name);
      if (Files.exists(in)) {
        return WalArchive.find(in, sizeBytesMin);
      }
      Files.createDirectories(in);
      Files.setPosixFilePermissions(kept, PosixFilePermissions.fromString("rwxr-xr-x"));
      Files.setPosixFilePermissions(in, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
    return WalArchive.make(programs, runAs, in, options, sizeBytesMin, betweenRounds);
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
