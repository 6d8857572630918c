package io.coppice.safekeeper.wal;

import java.io.IOException;

/** Tells a disk without room, which is a matter of time, from one that fails. */
final class DiskFull {
  private DiskFull() {}

  /** Java has no type for it, only the operating system's text (ENOSPC, EDQUOT). */
  static boolean isCauseOf(IOException failure) {
    String message = String.valueOf(failure.getMessage());
    return message.contains("No space left on device") || message.contains("Disk quota exceeded");
  }
}
