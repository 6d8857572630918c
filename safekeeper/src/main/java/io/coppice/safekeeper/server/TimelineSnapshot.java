package io.coppice.safekeeper.server;

import io.coppice.common.id.Lsn;
import io.coppice.proto.v1.TimelineStatusResponse;
import io.coppice.safekeeper.client.StatusCodec;
import io.coppice.safekeeper.client.TimelineStatus;
import io.coppice.safekeeper.consensus.AcceptorState;
import io.coppice.safekeeper.consensus.NodeId;

/** A timeline's state at one moment, for threads that do not own it. */
record TimelineSnapshot(AcceptorState state, Lsn flushLsn) {

  Lsn commitLsn() {
    return state.commitLsn();
  }

  TimelineStatusResponse toProto(NodeId node, long damagedBlocks, boolean hasProposer) {
    return StatusCodec.toProto(
        new TimelineStatus(node, state, flushLsn, damagedBlocks, hasProposer));
  }
}
