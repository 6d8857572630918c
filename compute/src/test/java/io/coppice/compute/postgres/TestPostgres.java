package io.coppice.compute.postgres;

import io.coppice.common.error.StorageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;

/** What tests against a real Postgres share. */
public final class TestPostgres {

  private TestPostgres() {}

  public static PostgresInstallation installation() throws StorageException, InterruptedException {
    return PostgresInstallation.find(Optional.empty(), 15);
  }

  public static RunAs user() throws StorageException, InterruptedException {
    return RunAs.resolve(Optional.empty());
  }

  /** Temporary directories of JUnit are closed to others; Postgres runs as another user. */
  public static Path open(Path temporary) throws IOException {
    return Files.setPosixFilePermissions(temporary, PosixFilePermissions.fromString("rwx--x--x"));
  }
}
