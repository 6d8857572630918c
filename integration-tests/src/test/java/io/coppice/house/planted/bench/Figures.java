package io.coppice.house.planted.bench;

/** Breaks a rule on purpose. */
public final class Figures {
  private Figures() {}

  public static int count() {
    return 1;
  }
}
