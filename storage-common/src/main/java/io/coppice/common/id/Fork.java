package io.coppice.common.id;

/** The forks of a relation, numbered as in Postgres's {@code common/relpath.h}. */
public enum Fork {
  /** The data. */
  MAIN(0, "main"),
  /** Free-space map: hints only, and mostly not logged. */
  FSM(1, "fsm"),
  /** Visibility map: two bits for each heap block. */
  VM(2, "vm"),
  /** What an unlogged relation is reset to. */
  INIT(3, "init");

  private static final Fork[] BY_NUMBER = values();

  private final int number;
  private final String suffix;

  Fork(int number, String suffix) {
    this.number = number;
    this.suffix = suffix;
  }

  public int number() {
    return number;
  }

  /** The ending of file names of this fork, without the underscore; the main fork has none. */
  public String suffix() {
    return suffix;
  }

  /**
   * The fork of that number.
   *
   * @throws IllegalArgumentException if there is none
   */
  public static Fork of(int number) {
    if (number < 0 || number >= BY_NUMBER.length) {
      throw new IllegalArgumentException("no fork has number " + number + " (0 to 3 do)");
    }
    return BY_NUMBER[number];
  }
}
