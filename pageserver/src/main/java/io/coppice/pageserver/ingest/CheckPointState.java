package io.coppice.pageserver.ingest;

import io.coppice.common.error.StorageException;
import io.coppice.common.key.Key;
import io.coppice.pageserver.timeline.TimelineKeys;
import io.coppice.postgres.control.CheckPoint;
import io.coppice.postgres.control.ControlFile;
import io.coppice.postgres.record.TransactionIds;
import io.coppice.postgres.record.XlogRecord;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.WalRecord;
import java.util.Optional;

/**
 * The checkpoint that a server would take now, kept up to date record by record, and pg_control.
 */
final class CheckPointState {
  /**
   * The next transaction id is rounded up to a multiple of this, so that most records do not change
   * the checkpoint. A server started from it skips the ids between.
   */
  static final int XID_STEP = 1_024;

  private final PostgresVersion version;
  private final CheckPoint checkPoint;
  private boolean changed;

  private CheckPointState(PostgresVersion version, CheckPoint checkPoint) {
    this.version = version;
    this.checkPoint = checkPoint;
  }

  static CheckPointState load(PostgresVersion version, ValueSink sink) throws StorageException {
    byte[] stored = require(sink, TimelineKeys.CHECKPOINT, "checkpoint");
    return new CheckPointState(version, CheckPoint.read(version, stored, 0, stored.length));
  }

  private static byte[] require(ValueSink sink, Key key, String what) throws StorageException {
    Optional<byte[]> stored = sink.latest(key);
    if (stored.isEmpty()) {
      throw new StorageException.Corrupt("the timeline has no " + what);
    }
    return stored.get();
  }

  int nextXid() {
    return (int) checkPoint.nextFullXid();
  }

  int nextMulti() {
    return checkPoint.nextMulti();
  }

  /** Writes the checkpoint if the record changed it. */
  void finishRecord(ValueSink sink) throws StorageException {
    if (changed) {
      sink.putImage(TimelineKeys.CHECKPOINT, checkPoint.toBytes(version));
      changed = false;
    }
  }

  /** That id is taken. */
  void sawXid(int xid) {
    long next = checkPoint.nextFullXid();
    if (!TransactionIds.isNormal(xid) || TransactionIds.precedes(xid, (int) next)) {
      return;
    }
    long exact = TransactionIds.widen(xid, next) + 1;
    long rounded = (exact + XID_STEP - 1) & -XID_STEP;
    if ((int) exact == 0) {
      checkPoint.setNextFullXid(exact + TransactionIds.FIRST_NORMAL);
    } else if (rounded >>> 32 == exact >>> 32) {
      checkPoint.setNextFullXid(rounded);
    } else {
      // Not past the end of the epoch: the page of transaction statuses there need not exist yet.
      checkPoint.setNextFullXid(exact);
    }
    changed = true;
  }

  /** Sets of transactions and their members up to those are taken. */
  void sawMulti(int nextMulti, int nextMultiOffset) {
    if (TransactionIds.multiPrecedes(checkPoint.nextMulti(), nextMulti)) {
      checkPoint.setNextMulti(nextMulti);
      changed = true;
    }
    if (TransactionIds.multiPrecedes(checkPoint.nextMultiOffset(), nextMultiOffset)) {
      checkPoint.setNextMultiOffset(nextMultiOffset);
      changed = true;
    }
  }

  void advanceOldestXid(int oldestXid, int databaseOid) {
    if (TransactionIds.precedes(checkPoint.oldestXid(), oldestXid)) {
      checkPoint.setOldestXid(oldestXid).setOldestXidDb(databaseOid);
      changed = true;
    }
  }

  void advanceOldestMulti(int oldestMulti, int databaseOid) {
    if (TransactionIds.multiPrecedes(checkPoint.oldestMulti(), oldestMulti)) {
      checkPoint.setOldestMulti(oldestMulti).setOldestMultiDb(databaseOid);
      changed = true;
    }
  }

  void setOldestActiveXid(int xid) {
    if (checkPoint.oldestActiveXid() != xid) {
      checkPoint.setOldestActiveXid(xid);
      changed = true;
    }
  }

  /** What a record of the XLOG resource manager does besides its blocks. */
  void apply(WalRecord record, ValueSink sink) throws StorageException {
    switch (XlogRecord.parse(version, record)) {
      case XlogRecord.CheckPointTaken taken -> checkPointTaken(taken);
      case XlogRecord.NextOid(int nextOid) -> {
        checkPoint.setNextOid(nextOid);
        changed = true;
      }
      case XlogRecord.FullPageWritesChange(boolean fullPageWrites) -> {
        checkPoint.setFullPageWrites(fullPageWrites);
        changed = true;
      }
      case XlogRecord.ParameterChange(var parameters) -> {
        ControlFile control =
            ControlFile.read(require(sink, TimelineKeys.CONTROL_FILE, "control file"));
        sink.putImage(TimelineKeys.CONTROL_FILE, control.setParameters(parameters).toBytes());
      }
      case XlogRecord.EndOfRecovery _,
          XlogRecord.OverwriteContinuation _,
          XlogRecord.BackupEnd _,
          XlogRecord.NoEffect _ -> {}
    }
  }

  /** As {@code xlog_redo}: a shutdown checkpoint is believed, an online one is a lower bound. */
  private void checkPointTaken(XlogRecord.CheckPointTaken taken) {
    CheckPoint from = taken.checkPoint();
    changed = true;
    checkPoint
        .setRedo(from.redo())
        .setTimeline(from.timeline())
        .setPreviousTimeline(from.previousTimeline())
        .setFullPageWrites(from.fullPageWrites())
        .setWalLevel(from.walLevel())
        .setTimeSeconds(from.timeSeconds())
        .setOldestCommitTsXid(from.oldestCommitTsXid())
        .setNewestCommitTsXid(from.newestCommitTsXid())
        .setOldestActiveXid(from.oldestActiveXid());
    if (taken.shutdown()) {
      checkPoint
          .setNextFullXid(from.nextFullXid())
          .setNextOid(from.nextOid())
          .setNextMulti(from.nextMulti())
          .setNextMultiOffset(from.nextMultiOffset())
          .setOldestXid(from.oldestXid())
          .setOldestXidDb(from.oldestXidDb());
    } else {
      if (checkPoint.nextFullXid() < from.nextFullXid()) {
        checkPoint.setNextFullXid(from.nextFullXid());
      }
      sawMulti(from.nextMulti(), from.nextMultiOffset());
      advanceOldestXid(from.oldestXid(), from.oldestXidDb());
    }
    advanceOldestMulti(from.oldestMulti(), from.oldestMultiDb());
  }
}
