package io.coppice.house.planted.pageserver.layer;

/** Breaks a rule on purpose. */
public final class Layers {
  private Layers() {}

  /** Knows a safekeeper. */
  public static int count() {
    return io.coppice.house.planted.safekeeper.wal.Segments.count();
  }
}
