package io.coppice.safekeeper.server;

import io.coppice.common.id.Lsn;
import io.coppice.proto.v1.TimelineStatusResponse;
import io.coppice.safekeeper.client.HistoryCodec;
import io.coppice.safekeeper.consensus.AcceptorState;
import io.coppice.safekeeper.consensus.NodeId;
import io.coppice.safekeeper.consensus.TimelineProperties;

/** A timeline's state at one moment, for threads that do not own it. */
record TimelineSnapshot(AcceptorState state, Lsn flushLsn) {

  Lsn commitLsn() {
    return state.commitLsn();
  }

  TimelineStatusResponse toProto(NodeId node) {
    TimelineProperties properties = state.properties();
    return TimelineStatusResponse.newBuilder()
        .setTenantId(properties.id().tenant().toString())
        .setTimelineId(properties.id().timeline().toString())
        .setNodeId(node.value())
        .setTerm(state.term())
        .addAllTermHistory(HistoryCodec.toProto(state.history()))
        .setTimelineStartLsn(properties.startLsn().value())
        .setFlushLsn(flushLsn.value())
        .setCommitLsn(state.commitLsn().value())
        .setPgVersion(properties.postgresMajor())
        .setSystemId(properties.systemId())
        .setWalSegmentSizeBytes(properties.walSegmentSizeBytes())
        .build();
  }
}
