package io.coppice.pageserver.timeline;

/** Who does a timeline's background work. */
@FunctionalInterface
public interface Maintenance {
  /** Has {@link Timeline#maintain} called soon, on a thread that may block. Never blocks. */
  void maintainSoon(Timeline timeline);
}
