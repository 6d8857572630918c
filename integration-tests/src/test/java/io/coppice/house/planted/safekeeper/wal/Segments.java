package io.coppice.house.planted.safekeeper.wal;

/** Breaks a rule on purpose. */
public final class Segments {
  private Segments() {}

  /** Something to know. */
  public static int count() {
    return 1;
  }
}
