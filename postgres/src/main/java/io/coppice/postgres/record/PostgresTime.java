package io.coppice.postgres.record;

import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;

/** Postgres's time of day: microseconds since 2000-01-01 UTC ({@code TimestampTz}). */
public final class PostgresTime {
  private static final Instant EPOCH = Instant.parse("2000-01-01T00:00:00Z");

  private PostgresTime() {}

  public static Instant toInstant(long timeMicros) {
    return EPOCH.plus(timeMicros, ChronoUnit.MICROS);
  }

  /** Rounded down to microseconds. */
  public static long fromInstant(Instant instant) {
    Duration sinceEpoch = Duration.between(EPOCH, instant);
    return Math.addExact(
        Math.multiplyExact(sinceEpoch.getSeconds(), 1_000_000), sinceEpoch.getNano() / 1_000);
  }
}
