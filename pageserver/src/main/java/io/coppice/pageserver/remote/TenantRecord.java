package io.coppice.pageserver.remote;

import io.coppice.common.id.TenantId;
import io.coppice.common.id.TimelineId;
import java.time.Instant;

/** What is durable of a tenant beside its timelines. Written once its root is. */
public record TenantRecord(
    TenantId id,
    String name,
    Instant createdAt,
    int pgMajor,
    long systemId,
    int walSegmentSizeBytes,
    TimelineId rootTimeline) {}
