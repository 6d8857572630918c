package io.coppice.cli.command;

import io.coppice.common.error.StorageException;
import io.coppice.compute.postgres.PostgresInstallation;
import io.coppice.postgres.version.PostgresVersion;
import java.nio.file.Path;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Which Postgres a new cluster is made with. */
public final class PostgresOptions {
  private static final int MAJOR_DEFAULT = 15;

  @Option(
      names = "--pg-version",
      paramLabel = "MAJOR",
      description = "Major version of PostgreSQL (default: that of --pg-bin, else 15).")
  private @Nullable Integer major;

  @Option(names = "--pg-bin", paramLabel = "DIR", description = "Directory of postgres and initdb.")
  private @Nullable Path bin;

  /** The directory that was given. */
  public Optional<Path> bin() {
    return Optional.ofNullable(bin);
  }

  /**
   * Finds it.
   *
   * @param configured the directory to look in if none was given here
   */
  public PostgresInstallation find(Optional<Path> configured)
      throws StorageException, InterruptedException {
    Optional<Path> directory = bin().or(() -> configured);
    Integer wanted = major;
    if (wanted != null) {
      PostgresVersion.ofMajor(wanted);
      return PostgresInstallation.find(directory, wanted);
    }
    if (directory.isPresent()) {
      PostgresInstallation found = PostgresInstallation.at(directory.get());
      PostgresVersion.ofMajor(found.major());
      return found;
    }
    return PostgresInstallation.find(Optional.empty(), MAJOR_DEFAULT);
  }
}
