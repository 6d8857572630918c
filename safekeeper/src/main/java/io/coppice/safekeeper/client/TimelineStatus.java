package io.coppice.safekeeper.client;

import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.safekeeper.consensus.AcceptorState;
import io.coppice.safekeeper.consensus.NodeId;

/**
 * A timeline on one safekeeper, as that says.
 *
 * @param flushLsn end of its log; of a timeline that is not in use there, what is committed of it
 * @param damagedBlocks blocks of WAL that were found damaged and cannot be read
 * @param hasProposer whether one of the newest term, elected or a candidate, is connected to it;
 *     false if nobody asked for this timeline alone
 */
public record TimelineStatus(
    NodeId node, AcceptorState state, Lsn flushLsn, long damagedBlocks, boolean hasProposer) {

  public TenantTimelineId id() {
    return state.properties().id();
  }

  /** Term of the end of the log. */
  public long lastLogTerm() {
    return state.history().lastTermAt(flushLsn);
  }
}
