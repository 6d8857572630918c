package io.coppice.pageserver.server;

import com.google.protobuf.Timestamp;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.pageserver.query.CommitIndex;
import io.coppice.pageserver.remote.BranchTerm;
import io.coppice.pageserver.remote.HistoryHold;
import io.coppice.pageserver.tenant.GarbageCollection;
import io.coppice.pageserver.tenant.TenantInfo;
import io.coppice.pageserver.tenant.TenantManager;
import io.coppice.pageserver.timeline.Ancestor;
import io.coppice.pageserver.timeline.LayerInfo;
import io.coppice.pageserver.timeline.RecordPosition;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.proto.v1.Branch;
import io.coppice.proto.v1.BranchGarbage;
import io.coppice.proto.v1.Layer;
import io.coppice.proto.v1.LsnAtTimeResponse;
import io.coppice.proto.v1.Tenant;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.Locale;
import java.util.Optional;

/** Messages of the timeline service. */
final class Wire {
  private Wire() {}

  static Tenant tenant(TenantInfo tenant, Timeline root) {
    return Tenant.newBuilder()
        .setTenantId(tenant.id().toString())
        .setName(tenant.name())
        .setPgVersion(tenant.pgMajor())
        .setSystemId(tenant.systemId())
        .setCreatedAt(PageServiceImpl.timestamp(tenant.createdAt()))
        .setRoot(branchWithoutAncestor(root))
        .build();
  }

  static Branch branch(
      Timeline timeline,
      TenantManager tenants,
      long sharedBytes,
      Optional<BranchSizes.Logical> size)
      throws StorageException {
    Branch.Builder branch = branchWithoutAncestor(timeline).toBuilder();
    BranchTerm term = timeline.term();
    branch.setProtected(term.isProtected());
    term.expiresAt().map(PageServiceImpl::timestamp).ifPresent(branch::setExpiresAt);
    term.expiredAt().map(PageServiceImpl::timestamp).ifPresent(branch::setExpiredAt);
    term.expiredAt()
        .map(tenants::deletionTime)
        .map(PageServiceImpl::timestamp)
        .ifPresent(branch::setDeletedAt);
    term.archivedAt().map(PageServiceImpl::timestamp).ifPresent(branch::setArchivedAt);
    HistoryHold hold = timeline.durableIndex().hold();
    hold.gcBlock().ifPresent(branch::setGcBlock);
    hold.leases()
        .forEach(lease ->
            branch.addLeases(
                Branch.Lease.newBuilder()
                    .setLsn(lease.lsn().value())
                    .setUntil(PageServiceImpl.timestamp(lease.until()))));
    branch.setSharedLayerSizeBytes(sharedBytes);
    if (size.isPresent()) {
      branch
          .setLogicalSizeBytes(size.get().sizeBytes())
          .setLogicalSizeLsn(size.get().lsn().value());
    }
    if (timeline.ancestor().isPresent()) {
      Ancestor ancestor = timeline.ancestor().get();
      branch.setAncestorTimelineId(ancestor.timeline().toString());
      branch.setAncestorName(
          tenants
              .timeline(new TenantTimelineId(timeline.id().tenant(), ancestor.timeline()))
              .name());
    }
    return branch.build();
  }

  private static Branch branchWithoutAncestor(Timeline timeline) {
    RecordPosition position = timeline.recordPosition();
    return Branch.newBuilder()
        .setTenantId(timeline.id().tenant().toString())
        .setTimelineId(timeline.id().timeline().toString())
        .setName(timeline.name())
        .setStartLsn(timeline.startLsn().value())
        .setLastRecordLsn(position.last().value())
        .setPrevRecordLsn(position.previous().value())
        .setDiskConsistentLsn(timeline.diskConsistentLsn().value())
        .setRemoteConsistentLsn(timeline.remoteConsistentLsn().value())
        .setCreatedAt(PageServiceImpl.timestamp(timeline.createdAt()))
        .setPgVersion(timeline.pgMajor())
        .setSystemId(timeline.systemId())
        .setWalSegmentSizeBytes(timeline.walSegmentSizeBytes())
        .setLayerSizeBytes(timeline.layerSizeBytes())
        .build();
  }

  static LsnAtTimeResponse lsnAtTime(CommitIndex.Found found) {
    LsnAtTimeResponse.Builder response =
        LsnAtTimeResponse.newBuilder()
            .setLsn(found.lsn().value())
            .setKind(
                switch (found.kind()) {
                  case PRESENT -> LsnAtTimeResponse.Kind.KIND_PRESENT;
                  case FUTURE -> LsnAtTimeResponse.Kind.KIND_FUTURE;
                  case PAST -> LsnAtTimeResponse.Kind.KIND_PAST;
                });
    if (found.kind() != CommitIndex.Kind.PAST) {
      found
          .commit()
          .ifPresent(commit -> response.setCommitTime(PageServiceImpl.timestamp(commit.time())));
    }
    return response.build();
  }

  static Layer layer(LayerInfo layer) {
    return Layer.newBuilder()
        .setName(layer.name())
        .setKind(
            switch (layer.kind()) {
              case MEMORY -> "memory";
              case DELTA -> "delta";
              case IMAGE -> "image";
            })
        .setSizeBytes(layer.sizeBytes())
        .setStartLsn(layer.startLsn().value())
        .setEndLsn(layer.endLsn().value())
        .setResident(layer.isResident())
        .build();
  }

  /** A time that a client sent. */
  static Instant instant(Timestamp timestamp) throws StorageException.Invalid {
    try {
      return Instant.ofEpochSecond(timestamp.getSeconds(), timestamp.getNanos());
    } catch (DateTimeException | ArithmeticException _) {
      throw new StorageException.Invalid(
          "not a time: %d s and %d ns after 1970"
              .formatted(timestamp.getSeconds(), timestamp.getNanos()));
    }
  }

  static BranchGarbage garbage(GarbageCollection.Report report) {
    return BranchGarbage.newBuilder()
        .setTimelineId(report.id().timeline().toString())
        .setName(report.name())
        .setReadableFrom(report.before().value())
        .setCutoff(report.cutoff().lsn().value())
        .setHeldBy(report.cutoff().reason().name().toLowerCase(Locale.ROOT))
        .addAllHeldByBranches(report.heldByBranches())
        .setLayers(report.layers())
        .setSizeBytes(report.sizeBytes())
        .setFailure(report.failure().orElse(""))
        .build();
  }
}
