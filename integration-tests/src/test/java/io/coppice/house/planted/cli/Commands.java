package io.coppice.house.planted.cli;

/** Breaks a rule on purpose. */
public final class Commands {
  private Commands() {}

  public static int count() {
    return 1;
  }
}
