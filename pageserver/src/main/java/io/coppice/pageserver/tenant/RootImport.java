package io.coppice.pageserver.tenant;

import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TimelineId;

/**
 * What is known of a data directory before it is imported as a new tenant.
 *
 * @param startLsn all values are as of this LSN, and WAL goes on from here; aligned to 8
 * @param prevRecordLsn start of the record that ends there; invalid if not known
 */
public record RootImport(
    TenantId tenant,
    String tenantName,
    TimelineId timeline,
    String branchName,
    Lsn startLsn,
    Lsn prevRecordLsn,
    int pgMajor,
    long systemId,
    int walSegmentSizeBytes) {}
