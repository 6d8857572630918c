package io.coppice.house.planted.compute;

/** Breaks a rule on purpose. */
public final class Endpoints {
  private Endpoints() {}

  public static int count() {
    return 1;
  }
}
