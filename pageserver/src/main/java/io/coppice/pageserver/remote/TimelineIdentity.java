package io.coppice.pageserver.remote;

import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import java.time.Instant;
import java.util.Optional;

/**
 * What a timeline is made with. It does not change, but for the ancestor, which a branch can be
 * taken off.
 *
 * @param ancestor the timeline it reads what is before {@code startLsn} from; empty for a root, and
 *     for a branch that was detached
 * @param startLsn of a root, the LSN of its import
 * @param systemId Postgres's system identifier, an unsigned number
 */
public record TimelineIdentity(
    TenantTimelineId id,
    Instant createdAt,
    Optional<TimelineId> ancestor,
    Lsn startLsn,
    int pgMajor,
    long systemId,
    int walSegmentSizeBytes) {

  /** The same of one that was detached. */
  TimelineIdentity withoutAncestor() {
    return new TimelineIdentity(
        id, createdAt, Optional.empty(), startLsn, pgMajor, systemId, walSegmentSizeBytes);
  }
}
