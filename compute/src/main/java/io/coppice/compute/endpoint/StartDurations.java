package io.coppice.compute.endpoint;

/**
 * How long the parts of a start took.
 *
 * @param electMillis election, and bringing a quorum to the start LSN
 * @param waitMillis until the page server had replayed up to it
 * @param backupMillis base backup, unpacked while it came
 * @param postgresMillis until Postgres accepted connections
 * @param totalMillis from the first call to the last
 * @param backupSizeBytes of the files in the base backup
 */
public record StartDurations(
    long electMillis,
    long waitMillis,
    long backupMillis,
    long postgresMillis,
    long totalMillis,
    long backupSizeBytes) {
  static final StartDurations NONE = new StartDurations(0, 0, 0, 0, 0, 0);

  @Override
  public String toString() {
    return "%d ms (elect %d, wait %d, base backup %d for %d bytes, Postgres %d)"
        .formatted(
            totalMillis, electMillis, waitMillis, backupMillis, backupSizeBytes, postgresMillis);
  }
}
