package io.coppice.pageserver.importer;

import io.coppice.common.id.TenantId;
import io.coppice.common.id.TimelineId;

/** What an imported data directory becomes. */
public record ImportTarget(
    TenantId tenant, String tenantName, TimelineId timeline, String branchName) {}
