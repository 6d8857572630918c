package io.coppice.pageserver.query;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.pageserver.timeline.TimelineKeys;
import io.coppice.postgres.record.PostgresTime;
import java.time.Instant;
import java.util.Optional;

/**
 * Times to LSNs and back, exact to the commit, in as many reads as the LSN has bits. Goes on into
 * ancestors as reads do.
 */
public final class CommitIndex {
  /** How a time lies in a history. */
  public enum Kind {
    /** Between commits. */
    PRESENT,
    /** After the last commit that is known. */
    FUTURE,
    /** Before the first commit that is known. */
    PAST
  }

  /**
   * Where in history a time is.
   *
   * @param lsn for {@link Kind#PRESENT}, the end of the commit; else the newest or the oldest state
   * @param commit the last commit at or before the time; empty if there is none
   */
  public record Found(Lsn lsn, Kind kind, Optional<Commit> commit) {}

  private CommitIndex() {}

  /** The last commit whose record ends at or before an LSN. */
  public static Optional<Commit> lastAtOrBefore(Timeline timeline, Lsn lsn)
      throws StorageException {
    Optional<byte[]> value = timeline.get(TimelineKeys.COMMIT_INDEX, lsn);
    return value.isEmpty() ? Optional.empty() : Optional.of(Commit.read(value.get()));
  }

  /** What Postgres's times cannot say becomes the nearest that they can. */
  private static long micros(Instant time) {
    try {
      return PostgresTime.fromInstant(time);
    } catch (ArithmeticException _) {
      return time.getEpochSecond() < 0 ? Long.MIN_VALUE : Long.MAX_VALUE;
    }
  }

  /**
   * The longest history that holds no commit made after a time: it ends just before the first
   * commit that was made later, even if commits behind that one carry earlier times.
   */
  public static Found atTime(Timeline timeline, Instant time) throws StorageException {
    long micros = micros(time);
    Lsn last = timeline.lastRecordLsn();
    Lsn oldest = timeline.readableFrom();
    Optional<Commit> newest = lastAtOrBefore(timeline, last);
    if (newest.isEmpty()) {
      return new Found(oldest, Kind.PAST, Optional.empty());
    }
    if (newest.get().latestMicros() <= micros) {
      return new Found(last, Kind.FUTURE, newest);
    }
    Optional<Commit> best = lastAtOrBefore(timeline, oldest);
    if (best.isPresent() && best.get().latestMicros() > micros) {
      return new Found(oldest, Kind.PAST, Optional.empty());
    }
    // At `low` no commit is too late, at `high` one is.
    long low = oldest.value();
    long high = newest.get().lsn().value();
    while (high - low > 1) {
      long middle = low + ((high - low) >>> 1);
      Optional<Commit> commit = lastAtOrBefore(timeline, new Lsn(middle));
      if (commit.isPresent() && commit.get().latestMicros() > micros) {
        high = commit.get().lsn().value();
      } else {
        low = middle;
        best = commit;
      }
    }
    return best.isEmpty() || best.get().lsn().isBefore(oldest)
        ? new Found(oldest, Kind.PAST, best)
        : new Found(best.get().lsn(), Kind.PRESENT, best);
  }
}
