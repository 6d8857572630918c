package io.coppice.safekeeper.consensus;

import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.postgres.wal.WalLayout;

/**
 * What never changes about a timeline. A proposer whose properties differ writes another timeline.
 *
 * @param postgresMajor 15 for PostgreSQL 15
 * @param startLsn where the timeline's WAL begins
 * @param creation which attempt to make the timeline this is of, from 1. WAL is committed in one of
 *     them only, which the page server chooses: a proposer of another one is late, and what it had
 *     safekeepers make is not this timeline
 */
public record TimelineProperties(
    TenantTimelineId id,
    int postgresMajor,
    long systemId,
    int walSegmentSizeBytes,
    Lsn startLsn,
    int creation) {
  public TimelineProperties {
    if (!WalLayout.isSegmentSize(walSegmentSizeBytes)) {
      throw new IllegalArgumentException(
          "not a WAL segment size: %d (expected a power of two from 32 KiB to 1 GiB)"
              .formatted(walSegmentSizeBytes));
    }
    if (!startLsn.isValid()) {
      throw new IllegalArgumentException("a timeline cannot start at LSN 0/0");
    }
    if (creation < 1) {
      throw new IllegalArgumentException(
          "not a creation: %d (expected 1 or more)".formatted(creation));
    }
  }

  /** Of a timeline that was made at the first attempt. */
  public TimelineProperties(
      TenantTimelineId id,
      int postgresMajor,
      long systemId,
      int walSegmentSizeBytes,
      Lsn startLsn) {
    this(id, postgresMajor, systemId, walSegmentSizeBytes, startLsn, 1);
  }
}
