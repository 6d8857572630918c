package io.coppice.compute.storage;

import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import java.time.Instant;
import java.util.Optional;

/**
 * A branch as the page server describes it.
 *
 * @param startLsn where it left its ancestor; on a root, where its history begins
 * @param lastRecordLsn the newest state that can be read
 * @param prevRecordLsn start of the record that ends there; invalid if not known
 * @param layerSizeBytes of its own layer files
 */
public record BranchInfo(
    TenantId tenant,
    TimelineId timeline,
    String name,
    Optional<TimelineId> ancestor,
    Optional<String> ancestorName,
    Lsn startLsn,
    Lsn lastRecordLsn,
    Lsn prevRecordLsn,
    Lsn diskConsistentLsn,
    Lsn remoteConsistentLsn,
    Instant createdAt,
    int pgMajor,
    long systemId,
    int walSegmentSizeBytes,
    long layerSizeBytes) {

  public TenantTimelineId id() {
    return new TenantTimelineId(tenant, timeline);
  }
}
