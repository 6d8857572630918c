package io.coppice.common.platform;

import java.time.Instant;

/** The time of day and a time that never goes back. Thread safe. */
public interface Clock {

  /** The clock of this machine. */
  Clock SYSTEM =
      new Clock() {
        @Override
        public Instant now() {
          return Instant.now();
        }

        @Override
        public long monotonicNanos() {
          return System.nanoTime();
        }
      };

  /** The time of day; it may jump. */
  Instant now();

  /** Nanoseconds since some fixed moment; only differences mean anything. */
  long monotonicNanos();

  /** {@link #monotonicNanos} in milliseconds. */
  default long monotonicMillis() {
    return monotonicNanos() / 1_000_000;
  }
}
