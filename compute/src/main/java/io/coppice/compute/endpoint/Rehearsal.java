package io.coppice.compute.endpoint;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.compute.postgres.DirectoryTrees;
import io.coppice.compute.postgres.ReachableDirectory;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Gets a branch's data and deletes it: what is in the way of that is found before it matters, and
 * the code has been compiled.
 */
final class Rehearsal {
  /** A base backup takes three times as long at first as once its code is compiled. */
  private static final long SIZE_BYTES_MIN = 128L * 1024 * 1024;

  /** Before the pid of who rehearses, a dash and something random. */
  private static final String PREFIX = "rehearsal-";

  private Rehearsal() {}

  /** Does it as often as makes enough bytes, at least once. */
  static void run(DataFetch fetch) throws StorageException {
    Path root = RunDirectory.root(fetch.spec().dataDirectory());
    ReachableDirectory.createPassable(root);
    try {
      deleteLeftovers(root);
      long sizeBytes = 0;
      while (sizeBytes < SIZE_BYTES_MIN) {
        Path data = Files.createTempDirectory(root, PREFIX + ProcessHandle.current().pid() + "-");
        try {
          sizeBytes += fetch.into(data, Lsn.INVALID).sizeBytes();
        } finally {
          DirectoryTrees.delete(data);
        }
      }
    } catch (IOException e) {
      throw new StorageException.Transient("cannot rehearse in %s: %s".formatted(root, e), e);
    }
  }

  /** What processes left that were killed in the middle of it. */
  private static void deleteLeftovers(Path root) throws IOException {
    try (DirectoryStream<Path> found = Files.newDirectoryStream(root, PREFIX + "[0-9]*-*")) {
      for (Path directory : found) {
        String pid = directory.getFileName().toString().substring(PREFIX.length()).split("-", 2)[0];
        if (ProcessHandle.of(Long.parseLong(pid)).isEmpty()) {
          DirectoryTrees.delete(directory);
        }
      }
    }
  }
}
