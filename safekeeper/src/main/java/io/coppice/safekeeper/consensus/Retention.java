package io.coppice.safekeeper.consensus;

import io.coppice.common.id.Lsn;

/**
 * Where a timeline's WAL is to be found, apart from peers. Each position is of something that stays
 * true, so of two that are known the greater counts.
 *
 * @param localStartLsn here from it on; what was before it is removed. The timeline's start, or a
 *     segment's
 * @param backupLsn in the object store from the timeline's start up to it
 * @param pageServerLsn needed by no page server below it, which has what it says in the object
 *     store; invalid while none has reported
 */
public record Retention(Lsn localStartLsn, Lsn backupLsn, Lsn pageServerLsn) {

  public Retention {
    if (localStartLsn.isAfter(backupLsn)) {
      throw new IllegalArgumentException(
          "WAL is here from %s on, but in the object store only up to %s"
              .formatted(localStartLsn, backupLsn));
    }
  }

  /** Of a timeline that begins: all of its WAL is here, and nowhere else. */
  public static Retention initial(Lsn startLsn) {
    return new Retention(startLsn, startLsn, Lsn.INVALID);
  }

  Retention withLocalStart(Lsn newLocalStartLsn) {
    return new Retention(newLocalStartLsn, backupLsn, pageServerLsn);
  }

  Retention withBackup(Lsn newBackupLsn) {
    return new Retention(localStartLsn, Lsn.max(backupLsn, newBackupLsn), pageServerLsn);
  }

  Retention withPageServer(Lsn newPageServerLsn) {
    return new Retention(localStartLsn, backupLsn, Lsn.max(pageServerLsn, newPageServerLsn));
  }

  /** With what another safekeeper knows of the object store and of page servers. */
  Retention with(Retention other) {
    return withBackup(other.backupLsn).withPageServer(other.pageServerLsn);
  }
}
