package io.coppice.safekeeper.server;

/**
 * When WAL goes to the object store.
 *
 * @param pollMillis how often is looked what is due
 * @param graceMillis how long a safekeeper waits for the one whose turn a segment is
 * @param retryMillisMin after a first failure; twice as long after each one more
 * @param retryMillisMax but no longer
 * @param tailAfterMillis how long nothing was committed when the tail goes up
 */
public record BackupConfig(
    long pollMillis,
    long graceMillis,
    long retryMillisMin,
    long retryMillisMax,
    long tailAfterMillis) {

  public static final BackupConfig USUAL = new BackupConfig(1_000, 30_000, 500, 60_000, 900_000);

  /** The usual one, with another time for the tail. */
  public static BackupConfig withTailAfter(long tailAfterMillis) {
    return new BackupConfig(
        USUAL.pollMillis,
        USUAL.graceMillis,
        USUAL.retryMillisMin,
        USUAL.retryMillisMax,
        tailAfterMillis);
  }

  public BackupConfig {
    if (pollMillis < 1 || graceMillis < 0 || retryMillisMin < 1 || retryMillisMax < 1) {
      throw new IllegalArgumentException(
          "times out of range: %d, %d, %d, %d ms"
              .formatted(pollMillis, graceMillis, retryMillisMin, retryMillisMax));
    }
  }
}
