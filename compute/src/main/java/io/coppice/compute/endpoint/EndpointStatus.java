package io.coppice.compute.endpoint;

import java.util.Locale;

/**
 * What became of an endpoint. From {@link #STARTING} it comes to {@link #RUNNING} or {@link
 * #FAILED}; from there to one of those that are final.
 */
public enum EndpointStatus {
  STARTING,
  RUNNING,
  /** It was asked to end, or Postgres was shut down cleanly. */
  STOPPED,
  /** It did not start, or Postgres or the proposer ended by itself. */
  FAILED,
  /** A newer endpoint took the branch over. */
  FENCED;

  public boolean isFinal() {
    return switch (this) {
      case STARTING, RUNNING -> false;
      case STOPPED, FAILED, FENCED -> true;
    };
  }

  /** In lower case, as files and users see it. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }

  static EndpointStatus parse(String text) {
    return valueOf(text.toUpperCase(Locale.ROOT));
  }
}
