package io.coppice.pageserver.tenant;

import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TimelineId;
import io.coppice.pageserver.remote.BranchTerm;
import java.util.Optional;

/**
 * A branch to be made.
 *
 * @param timeline id of the new branch, chosen by the caller
 * @param parent the timeline to branch off
 * @param lsn where; empty for the parent's newest state. Rounded up to 8.
 * @param term when it ends, and whether it is protected
 * @param waitMillis how long to wait for the parent to reach the LSN
 */
public record BranchRequest(
    TenantId tenant,
    TimelineId timeline,
    String name,
    TimelineId parent,
    Optional<Lsn> lsn,
    BranchTerm term,
    long waitMillis) {

  /** Of a branch without an end. */
  public BranchRequest(
      TenantId tenant,
      TimelineId timeline,
      String name,
      TimelineId parent,
      Optional<Lsn> lsn,
      long waitMillis) {
    this(tenant, timeline, name, parent, lsn, BranchTerm.OPEN, waitMillis);
  }
}
