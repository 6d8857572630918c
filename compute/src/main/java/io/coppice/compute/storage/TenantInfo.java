package io.coppice.compute.storage;

import io.coppice.common.id.TenantId;
import java.time.Instant;

/**
 * A tenant as the page server describes it.
 *
 * @param pgMajor major version of the Postgres that its branches run
 * @param systemId of its pg_control; the same on all branches
 */
public record TenantInfo(
    TenantId id, String name, int pgMajor, long systemId, Instant createdAt, BranchInfo root) {}
