package io.coppice.safekeeper.wal;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Tells a disk without room, which is a matter of time, from one that fails. */
final class DiskFull {
  private DiskFull() {}

  /** Java has no type for it, only the operating system's text (ENOSPC, EDQUOT). */
  static boolean isCauseOf(IOException failure) {
    String message = String.valueOf(failure.getMessage());
    return message.contains("No space left on device") || message.contains("Disk quota exceeded");
  }

  /** Gives back the room that a file took up which could not be written whole. */
  static void deleteQuietly(Path file, IOException because) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      because.addSuppressed(e);
    }
  }
}
