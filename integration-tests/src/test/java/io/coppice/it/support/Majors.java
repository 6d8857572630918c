package io.coppice.it.support;

import java.util.List;

/** Majors of Postgres that tests of the whole system run with. */
public final class Majors {
  private static final List<Integer> ALL = List.of(14, 15, 16, 17, 18);

  /**
   * What is different between majors is proven by their WAL, for each; here the newest is enough,
   * beside all other tests of the whole system, which have 15.
   */
  private static final List<Integer> USUAL = List.of(18);

  private Majors() {}

  /** The newest; all with {@code -Dmajors=all}. */
  public static List<Integer> tested() {
    return "all".equals(System.getProperty("majors")) ? ALL : USUAL;
  }
}
