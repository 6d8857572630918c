package io.coppice.postgres.record;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.postgres.control.CheckPoint;
import io.coppice.postgres.control.ServerParameters;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.WalRecord;

/** Records of the log about itself and the server ({@code pg_control.h}). */
public sealed interface XlogRecord {

  /** A checkpoint; a shutdown one means that the server stopped cleanly here. */
  record CheckPointTaken(boolean shutdown, CheckPoint checkPoint) implements XlogRecord {}

  /** OIDs below this one may have been given out. */
  record NextOid(int nextOid) implements XlogRecord {}

  record ParameterChange(ServerParameters parameters) implements XlogRecord {}

  record FullPageWritesChange(boolean fullPageWrites) implements XlogRecord {}

  /** Recovery ended without a checkpoint. */
  record EndOfRecovery(long timeMicros, int timeline, int previousTimeline) implements XlogRecord {}

  /** The record at that position was given up half-way. */
  record OverwriteContinuation(Lsn overwritten, long timeMicros) implements XlogRecord {}

  record BackupEnd(Lsn start) implements XlogRecord {}

  /**
   * Nothing but its blocks' images, or nothing at all: NOOP, SWITCH, RESTORE_POINT, FPI and
   * CHECKPOINT_REDO.
   */
  record NoEffect() implements XlogRecord {}

  NoEffect NO_EFFECT = new NoEffect();

  static XlogRecord parse(PostgresVersion version, WalRecord record)
      throws StorageException.Corrupt, StorageException.Unsupported {
    MainData data = new MainData(record);
    return switch (record.kind()) {
      case RecordKind.XLOG_CHECKPOINT_SHUTDOWN, RecordKind.XLOG_CHECKPOINT_ONLINE ->
          new CheckPointTaken(
              record.kind() == RecordKind.XLOG_CHECKPOINT_SHUTDOWN,
              CheckPoint.read(version, data.bytes(), data.position(), data.remaining()));
      case RecordKind.XLOG_NEXTOID -> new NextOid(data.i32());
      case RecordKind.XLOG_PARAMETER_CHANGE -> new ParameterChange(parameters(data));
      case RecordKind.XLOG_FPW_CHANGE -> new FullPageWritesChange(data.bool());
      case RecordKind.XLOG_END_OF_RECOVERY -> new EndOfRecovery(data.i64(), data.i32(), data.i32());
      case RecordKind.XLOG_OVERWRITE_CONTRECORD ->
          new OverwriteContinuation(data.lsn(), data.i64());
      case RecordKind.XLOG_BACKUP_END -> new BackupEnd(data.lsn());
      case RecordKind.XLOG_NOOP,
          RecordKind.XLOG_SWITCH,
          RecordKind.XLOG_RESTORE_POINT,
          RecordKind.XLOG_FPI,
          RecordKind.XLOG_CHECKPOINT_REDO,
          RecordKind.XLOG_FPI_FOR_HINT ->
          NO_EFFECT;
      default -> throw MainData.unknownKind(record);
    };
  }

  private static ServerParameters parameters(MainData data) throws StorageException.Corrupt {
    int maxConnections = data.i32();
    int maxWorkerProcesses = data.i32();
    int maxWalSenders = data.i32();
    int maxPreparedTransactions = data.i32();
    int maxLocksPerTransaction = data.i32();
    int walLevel = data.i32();
    return new ServerParameters(
        maxConnections,
        maxWorkerProcesses,
        maxWalSenders,
        maxPreparedTransactions,
        maxLocksPerTransaction,
        walLevel,
        data.bool(),
        data.bool());
  }
}
