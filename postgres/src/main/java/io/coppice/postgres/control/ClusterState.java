package io.coppice.postgres.control;

/** What pg_control says of the server ({@code DBState} in {@code pg_control.h}). */
public enum ClusterState {
  STARTING_UP(0, "starting up"),
  SHUT_DOWN(1, "shut down"),
  SHUT_DOWN_IN_RECOVERY(2, "shut down in recovery"),
  SHUTTING_DOWN(3, "shutting down"),
  IN_CRASH_RECOVERY(4, "in crash recovery"),
  IN_ARCHIVE_RECOVERY(5, "in archive recovery"),
  IN_PRODUCTION(6, "in production");

  private static final ClusterState[] BY_NUMBER = values();

  private final int number;
  private final String text;

  ClusterState(int number, String text) {
    this.number = number;
    this.text = text;
  }

  /** The number in the file. */
  public int number() {
    return number;
  }

  static boolean exists(int number) {
    return number >= 0 && number < BY_NUMBER.length;
  }

  static ClusterState of(int number) {
    return BY_NUMBER[number];
  }

  /** As pg_controldata prints it. */
  @Override
  public String toString() {
    return text;
  }
}
