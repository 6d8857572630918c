package io.coppice.safekeeper.server;

import io.coppice.common.id.Lsn;
import io.coppice.safekeeper.consensus.AcceptorState;
import io.coppice.safekeeper.consensus.TimelineProperties;

/**
 * Stored WAL of one timeline, as far as it has checksums and nothing below is being written.
 *
 * @param commitLsn a damaged block below it can be repaired
 */
record ScrubTarget(TimelineProperties properties, Lsn from, Lsn end, Lsn commitLsn) {

  /** Of a timeline that is checked up to {@code end}. */
  static ScrubTarget of(AcceptorState state, Lsn end) {
    Lsn from = state.retention().localStartLsn();
    return new ScrubTarget(state.properties(), from, end, state.commitLsn());
  }
}
