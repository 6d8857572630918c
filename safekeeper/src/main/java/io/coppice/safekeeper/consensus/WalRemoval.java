package io.coppice.safekeeper.consensus;

import io.coppice.common.id.Lsn;

/**
 * Which WAL a safekeeper need not keep: whole segments below all of
 *
 * <ul>
 *   <li>the backup LSN: the object store has them,
 *   <li>the page server's LSN: the page server does not ask for them again, unless it starts from
 *       nothing, and then it is served from the object store,
 *   <li>the truncate LSN: every peer has them, so that none has to be fed with them,
 *   <li>the commit LSN: the log is found again from it on at the next start, and it is not cut
 *       below.
 * </ul>
 *
 * <p>Only what is on disk counts: after a restart nothing else is known, and what is needed then
 * must be there.
 */
public final class WalRemoval {

  private WalRemoval() {}

  /**
   * Where the WAL begins that is to be kept; never before where it begins now.
   *
   * @param stored what is on disk
   */
  public static Lsn keepFrom(AcceptorState stored) {
    Retention retention = stored.retention();
    Lsn needed = Lsn.min(retention.backupLsn(), stored.commitLsn());
    needed = Lsn.min(needed, retention.pageServerLsn());
    needed = Lsn.min(needed, stored.truncateLsn());
    int segmentSizeBytes = stored.properties().walSegmentSizeBytes();
    Lsn segment = needed.plus(-Long.remainderUnsigned(needed.value(), segmentSizeBytes));
    return Lsn.max(retention.localStartLsn(), segment);
  }
}
