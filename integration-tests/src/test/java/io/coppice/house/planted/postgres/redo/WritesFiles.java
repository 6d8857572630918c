package io.coppice.house.planted.postgres.redo;

/** Breaks a rule on purpose. */
public final class WritesFiles {
  private WritesFiles() {}

  public static int count() {
    return java.nio.file.Path.of("x").getNameCount()
        + io.coppice.house.planted.safekeeper.wal.Segments.count();
  }

  static String host(java.net.URI uri) {
    return String.valueOf(uri.getHost());
  }
}
