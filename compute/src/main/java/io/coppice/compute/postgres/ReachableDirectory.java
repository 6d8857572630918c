package io.coppice.compute.postgres;

import io.coppice.common.error.StorageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Directories that the user who runs Postgres can get to: root's home is none. */
public final class ReachableDirectory {
  private static final Logger log = LoggerFactory.getLogger(ReachableDirectory.class);

  private ReachableDirectory() {}

  /**
   * Makes a directory that the user can enter: the preferred one; or else, if the way there is
   * closed to it, one of a like name in the cache directory.
   *
   * @param fallbackName of the directory within the cache directory
   * @throws StorageException.Precondition if the user can reach neither
   */
  public static Path create(RunAs runAs, Path preferred, String fallbackName)
      throws StorageException, InterruptedException {
    Path absolute = preferred.toAbsolutePath();
    createPassable(absolute);
    if (runAs.canEnter(absolute)) {
      return absolute;
    }
    Path fallback = CacheDirectory.locate().resolve(fallbackName);
    createPassable(fallback);
    if (!runAs.canEnter(fallback)) {
      runAs.requireEntry(absolute, "the data of Postgres");
    }
    log.info("user \"{}\" cannot reach {}; using {}", runAs, absolute, fallback);
    return fallback;
  }

  /**
   * Makes a directory, with those above it, that everybody may pass but nobody else may list. What
   * is there already stays as it is.
   */
  public static void createPassable(Path directory) throws StorageException {
    if (Files.isDirectory(directory)) {
      return;
    }
    try {
      Path parent = directory.getParent();
      if (parent != null) {
        createPassable(parent);
      }
      Files.createDirectory(directory);
      Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwx--x--x"));
    } catch (IOException e) {
      if (!Files.isDirectory(directory)) {
        throw new StorageException.Precondition(
            "cannot make directory %s: %s".formatted(directory, e));
      }
    }
  }
}
