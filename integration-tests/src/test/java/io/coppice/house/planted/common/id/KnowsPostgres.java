package io.coppice.house.planted.common.id;

/** Breaks a rule on purpose. */
final class KnowsPostgres {
  private KnowsPostgres() {}

  static int count() {
    return io.coppice.house.planted.postgres.redo.WritesFiles.count();
  }
}
