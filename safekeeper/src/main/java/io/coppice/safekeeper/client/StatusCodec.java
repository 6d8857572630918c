package io.coppice.safekeeper.client;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.proto.v1.TimelineStatusResponse;
import io.coppice.safekeeper.consensus.AcceptorState;
import io.coppice.safekeeper.consensus.NodeId;
import io.coppice.safekeeper.consensus.Retention;
import io.coppice.safekeeper.consensus.TimelineProperties;

/** States of timelines on the wire. */
public final class StatusCodec {

  private StatusCodec() {}

  public static TimelineStatusResponse toProto(TimelineStatus status) {
    AcceptorState state = status.state();
    TimelineProperties properties = state.properties();
    return TimelineStatusResponse.newBuilder()
        .setTenantId(properties.id().tenant().toString())
        .setTimelineId(properties.id().timeline().toString())
        .setNodeId(status.node().value())
        .setConfigurationGeneration(state.generation())
        .setTerm(state.term())
        .addAllTermHistory(HistoryCodec.toProto(state.history()))
        .setTimelineStartLsn(properties.startLsn().value())
        .setFlushLsn(status.flushLsn().value())
        .setCommitLsn(state.commitLsn().value())
        .setTruncateLsn(state.truncateLsn().value())
        .setPgVersion(properties.postgresMajor())
        .setSystemId(properties.systemId())
        .setCreation(properties.creation())
        .setWalSegmentSizeBytes(properties.walSegmentSizeBytes())
        .setDamagedBlocks(status.damagedBlocks())
        .setBackupLsn(state.retention().backupLsn().value())
        .setLocalStartLsn(state.retention().localStartLsn().value())
        .setPageserverLsn(state.retention().pageServerLsn().value())
        .setHasProposer(status.hasProposer())
        .build();
  }

  /**
   * Reads a state.
   *
   * @throws StorageException.Invalid if it cannot be one
   */
  public static TimelineStatus fromProto(TimelineStatusResponse status)
      throws StorageException.Invalid {
    try {
      TimelineProperties properties =
          new TimelineProperties(
              new TenantTimelineId(
                  TenantId.parse(status.getTenantId()), TimelineId.parse(status.getTimelineId())),
              status.getPgVersion(),
              status.getSystemId(),
              status.getWalSegmentSizeBytes(),
              new Lsn(status.getTimelineStartLsn()),
              status.getCreation());
      AcceptorState state =
          new AcceptorState(
              properties,
              status.getConfigurationGeneration(),
              status.getTerm(),
              HistoryCodec.fromProto(status.getTermHistoryList()),
              new Lsn(status.getCommitLsn()),
              new Lsn(status.getTruncateLsn()),
              new Retention(
                  new Lsn(status.getLocalStartLsn()),
                  new Lsn(status.getBackupLsn()),
                  new Lsn(status.getPageserverLsn())));
      return new TimelineStatus(
          new NodeId(status.getNodeId()),
          state,
          new Lsn(status.getFlushLsn()),
          status.getDamagedBlocks(),
          status.getHasProposer());
    } catch (IllegalArgumentException malformed) {
      throw new StorageException.Invalid(String.valueOf(malformed.getMessage()));
    }
  }
}
