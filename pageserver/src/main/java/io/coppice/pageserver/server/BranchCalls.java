package io.coppice.pageserver.server;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TimelineId;
import io.coppice.pageserver.tenant.ReplacementRequest;
import io.coppice.pageserver.tenant.TenantManager;
import io.coppice.pageserver.timeline.Ancestor;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.proto.page.GetPageClass;
import io.coppice.proto.v1.ArchiveBranchRequest;
import io.coppice.proto.v1.BlockGcRequest;
import io.coppice.proto.v1.BlockGcResponse;
import io.coppice.proto.v1.DetachBranchRequest;
import io.coppice.proto.v1.LeaseBranchLsnRequest;
import io.coppice.proto.v1.ProtectBranchRequest;
import io.coppice.proto.v1.RecoverBranchRequest;
import io.coppice.proto.v1.RenameBranchRequest;
import io.coppice.proto.v1.ResetBranchRequest;
import io.coppice.proto.v1.RestoreBranchRequest;
import io.coppice.proto.v1.SetBranchExpiryRequest;
import java.util.Optional;

/** Changes to branches, as they are asked for. All block. */
final class BranchCalls {
  private final Timelines timelines;
  private final TenantManager tenants;
  private final Moments moments;
  private final long lsnWaitMillis;

  BranchCalls(Timelines timelines, Moments moments, long lsnWaitMillis) {
    this.timelines = timelines;
    this.tenants = timelines.tenants();
    this.moments = moments;
    this.lsnWaitMillis = lsnWaitMillis;
  }

  Timeline rename(RenameBranchRequest request) throws StorageException {
    return tenants
        .changes()
        .rename(find(request.getTenantId(), request.getBranch()).id(), request.getName());
  }

  Timeline protect(ProtectBranchRequest request) throws StorageException {
    return tenants
        .changes()
        .setProtected(
            find(request.getTenantId(), request.getBranch()).id(), request.getProtected());
  }

  Timeline archive(ArchiveBranchRequest request, long flushMillis)
      throws StorageException, InterruptedException {
    Timeline branch = find(request.getTenantId(), request.getBranch());
    if (!request.getArchived()) {
      return tenants.archive().unarchive(branch.id());
    }
    if (!branch.term().isArchived()) {
      timelines.awaitCommitted(branch);
    }
    return tenants.archive().archive(branch.id(), flushMillis);
  }

  /** Reads go behind those that somebody waits for. */
  Timeline detach(DetachBranchRequest request, long flushMillis)
      throws StorageException, InterruptedException {
    return tenants
        .detachment()
        .detach(
            find(request.getTenantId(), request.getBranch()).id(),
            flushMillis,
            () -> timelines.turns().take(GetPageClass.GET_PAGE_CLASS_BACKGROUND).close());
  }

  BlockGcResponse blockGc(BlockGcRequest request) throws StorageException {
    Optional<TimelineId> only =
        request.hasBranch()
            ? Optional.of(find(request.getTenantId(), request.getBranch()).id().timeline())
            : Optional.empty();
    Optional<String> reason =
        request.getBlocked() ? Optional.of(request.getReason()) : Optional.empty();
    return BlockGcResponse.newBuilder()
        .setBranches(
            tenants.holds().setGcBlock(TenantId.parse(request.getTenantId()), only, reason))
        .build();
  }

  Timeline lease(LeaseBranchLsnRequest request) throws StorageException {
    Timeline branch = find(request.getTenantId(), request.getBranch());
    Lsn lsn = request.getLsn() == 0 ? branch.lastRecordLsn() : new Lsn(request.getLsn());
    return request.hasUntil()
        ? tenants.holds().lease(branch.id(), lsn, Wire.instant(request.getUntil()))
        : tenants.holds().release(branch.id(), lsn);
  }

  Timeline setExpiry(SetBranchExpiryRequest request) throws StorageException {
    return tenants
        .changes()
        .setExpiry(
            find(request.getTenantId(), request.getBranch()).id(),
            request.hasExpiresAt()
                ? Optional.of(Wire.instant(request.getExpiresAt()))
                : Optional.empty());
  }

  Timeline recover(RecoverBranchRequest request) throws StorageException {
    return tenants.changes().recover(find(request.getTenantId(), request.getBranch()).id());
  }

  Timeline restore(RestoreBranchRequest request) throws StorageException, InterruptedException {
    Timeline branch = find(request.getTenantId(), request.getBranch());
    Lsn lsn =
        switch (request.getAtCase()) {
          case LSN -> new Lsn(request.getLsn());
          case TIME -> moments.branchPoint(branch, Wire.instant(request.getTime()));
          case AT_NOT_SET ->
              throw new StorageException.Invalid(
                  "neither an LSN nor a time is given to restore to");
        };
    timelines.await(branch, lsn);
    return tenants
        .changes()
        .replace(
            new ReplacementRequest(
                branch.id(),
                TimelineId.parse(request.getTimelineId()),
                branch.id().timeline(),
                Optional.of(lsn),
                keptAs(request.getKeptAs()),
                lsnWaitMillis));
  }

  Timeline reset(ResetBranchRequest request) throws StorageException, InterruptedException {
    Timeline branch = find(request.getTenantId(), request.getBranch());
    TimelineId parent =
        branch
            .ancestor()
            .map(Ancestor::timeline)
            .orElseThrow(() ->
                new StorageException.Precondition(
                    "branch \"%s\" has no parent to be reset to".formatted(branch.name())));
    timelines.awaitCommitted(find(request.getTenantId(), parent.toString()));
    return tenants
        .changes()
        .replace(
            new ReplacementRequest(
                branch.id(),
                TimelineId.parse(request.getTimelineId()),
                parent,
                Optional.empty(),
                keptAs(request.getKeptAs()),
                lsnWaitMillis));
  }

  private static Optional<String> keptAs(String given) {
    return given.isEmpty() ? Optional.empty() : Optional.of(given);
  }

  private Timeline find(String tenantId, String branch) throws StorageException {
    return tenants.branch(TenantId.parse(tenantId), branch);
  }
}
