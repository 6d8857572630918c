package io.coppice.pageserver.tenant;

import io.coppice.common.id.TenantId;
import io.coppice.common.id.TimelineId;
import io.coppice.pageserver.remote.TenantRecord;
import java.time.Instant;

/**
 * A tenant.
 *
 * @param rootTimeline the branch that was imported
 */
public record TenantInfo(
    TenantId id,
    String name,
    Instant createdAt,
    int pgMajor,
    long systemId,
    int walSegmentSizeBytes,
    TimelineId rootTimeline) {

  static TenantInfo of(TenantRecord record) {
    return new TenantInfo(
        record.id(),
        record.name(),
        record.createdAt(),
        record.pgMajor(),
        record.systemId(),
        record.walSegmentSizeBytes(),
        record.rootTimeline());
  }
}
