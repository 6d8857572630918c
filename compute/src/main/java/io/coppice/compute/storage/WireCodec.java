package io.coppice.compute.storage;

import com.google.protobuf.Timestamp;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TimelineId;
import io.coppice.proto.page.GetPageResponse;
import io.coppice.proto.page.ReadLsn;
import io.coppice.proto.page.RelTag;
import io.coppice.proto.v1.Branch;
import io.coppice.proto.v1.Layer;
import io.coppice.proto.v1.LsnAtTimeResponse;
import io.coppice.proto.v1.Tenant;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/** Messages of the wire to and from our own types. What a peer sent wrong is {@code Corrupt}. */
final class WireCodec {

  private WireCodec() {}

  static TenantInfo tenant(Tenant message) throws StorageException {
    BranchInfo root = branch(message.getRoot());
    return new TenantInfo(
        root.tenant(),
        message.getName(),
        message.getPgVersion(),
        message.getSystemId(),
        instant(message.getCreatedAt()),
        root);
  }

  static BranchInfo branch(Branch message) throws StorageException {
    try {
      return new BranchInfo(
          TenantId.parse(message.getTenantId()),
          TimelineId.parse(message.getTimelineId()),
          message.getName(),
          message.hasAncestorTimelineId()
              ? Optional.of(TimelineId.parse(message.getAncestorTimelineId()))
              : Optional.empty(),
          message.hasAncestorName() ? Optional.of(message.getAncestorName()) : Optional.empty(),
          new Lsn(message.getStartLsn()),
          new Lsn(message.getLastRecordLsn()),
          new Lsn(message.getPrevRecordLsn()),
          new Lsn(message.getDiskConsistentLsn()),
          new Lsn(message.getRemoteConsistentLsn()),
          instant(message.getCreatedAt()),
          message.getPgVersion(),
          message.getSystemId(),
          message.getWalSegmentSizeBytes(),
          message.getLayerSizeBytes(),
          message.getSharedLayerSizeBytes(),
          message.hasLogicalSizeBytes()
              ? OptionalLong.of(message.getLogicalSizeBytes())
              : OptionalLong.empty(),
          message.getProtected(),
          message.hasExpiresAt() ? Optional.of(instant(message.getExpiresAt())) : Optional.empty(),
          message.hasExpiredAt() ? Optional.of(instant(message.getExpiredAt())) : Optional.empty(),
          message.hasDeletedAt() ? Optional.of(instant(message.getDeletedAt())) : Optional.empty(),
          message.hasArchivedAt()
              ? Optional.of(instant(message.getArchivedAt()))
              : Optional.empty(),
          message.hasGcBlock() ? Optional.of(message.getGcBlock()) : Optional.empty(),
          message.getLeasesList().stream()
              .map(
                  lease -> new BranchInfo.Lease(new Lsn(lease.getLsn()), instant(lease.getUntil())))
              .toList());
    } catch (IllegalArgumentException e) {
      throw new StorageException.Corrupt("malformed answer of the page server: " + e.getMessage());
    }
  }

  static LsnAtTime lsnAtTime(LsnAtTimeResponse message) throws StorageException {
    LsnAtTime.Kind kind =
        switch (message.getKind()) {
          case KIND_PRESENT -> LsnAtTime.Kind.PRESENT;
          case KIND_FUTURE -> LsnAtTime.Kind.FUTURE;
          case KIND_PAST -> LsnAtTime.Kind.PAST;
          case KIND_UNSPECIFIED, UNRECOGNIZED ->
              throw new StorageException.Corrupt(
                  "malformed answer of the page server: kind " + message.getKindValue());
        };
    return new LsnAtTime(
        new Lsn(message.getLsn()),
        kind,
        message.hasCommitTime() ? Optional.of(instant(message.getCommitTime())) : Optional.empty());
  }

  static LayerInfo layer(Layer message) {
    return new LayerInfo(
        message.getName(),
        message.getKind(),
        message.getSizeBytes(),
        new Lsn(message.getStartLsn()),
        new Lsn(message.getEndLsn()),
        message.getResident());
  }

  static BranchGarbage garbage(io.coppice.proto.v1.BranchGarbage message) {
    return new BranchGarbage(
        message.getName(),
        new Lsn(message.getReadableFrom()),
        new Lsn(message.getCutoff()),
        message.getHeldBy(),
        List.copyOf(message.getHeldByBranchesList()),
        message.getLayers(),
        message.getSizeBytes(),
        message.getFailure());
  }

  static Instant instant(Timestamp time) {
    return Instant.ofEpochSecond(time.getSeconds(), time.getNanos());
  }

  static Timestamp timestamp(Instant time) {
    return Timestamp.newBuilder()
        .setSeconds(time.getEpochSecond())
        .setNanos(time.getNano())
        .build();
  }

  static RelTag relation(RelationTag tag) {
    return RelTag.newBuilder()
        .setSpcOid(tag.spcOid())
        .setDbOid(tag.dbOid())
        .setRelNumber(tag.relNumber())
        .setForkNumber(tag.fork())
        .build();
  }

  /**
   * Reads exactly as of an LSN, waiting until the server has seen it; {@link Lsn#MAX} reads the
   * newest state without waiting.
   */
  static ReadLsn readAt(Lsn lsn) {
    return ReadLsn.newBuilder()
        .setRequestLsn(lsn.value())
        .setNotModifiedSinceLsn(lsn.equals(Lsn.MAX) ? 0 : lsn.value())
        .build();
  }

  /** The failure that a response within a stream tells of. */
  static StorageException pageFailure(GetPageResponse response) {
    String reason = response.getReason();
    return switch (response.getStatusCode()) {
      case GET_PAGE_STATUS_CODE_NOT_FOUND -> new StorageException.NotFound(reason);
      case GET_PAGE_STATUS_CODE_INVALID_REQUEST -> new StorageException.Invalid(reason);
      case GET_PAGE_STATUS_CODE_SLOW_DOWN -> new StorageException.Transient(reason);
      case GET_PAGE_STATUS_CODE_INTERNAL_ERROR -> new StorageException.Corrupt(reason);
      case GET_PAGE_STATUS_CODE_OK, GET_PAGE_STATUS_CODE_UNKNOWN, UNRECOGNIZED ->
          new StorageException.Corrupt(
              "malformed answer of the page server: status " + response.getStatusCodeValue());
    };
  }
}
