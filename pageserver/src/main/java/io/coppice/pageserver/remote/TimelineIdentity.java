package io.coppice.pageserver.remote;

import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import java.time.Instant;
import java.util.Optional;

/**
 * What a timeline is made with and never changes.
 *
 * @param ancestor the timeline it was branched off, at {@code startLsn}; empty for a root
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
    int walSegmentSizeBytes) {}
