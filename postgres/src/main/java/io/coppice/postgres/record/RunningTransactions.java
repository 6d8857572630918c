package io.coppice.postgres.record;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.wal.WalRecord;

/** Which transactions were running, for standbys ({@code xl_running_xacts}). */
public record RunningTransactions(
    int count,
    int subtransactionCount,
    boolean subtransactionsMissing,
    int nextXid,
    int oldestRunningXid,
    int latestCompletedXid) {

  /** Whether the record is one that this class reads. */
  public static boolean is(WalRecord record) {
    return record.resourceManager() == ResourceManager.STANDBY
        && record.kind() == RecordKind.STANDBY_RUNNING_XACTS;
  }

  public static RunningTransactions parse(WalRecord record) throws StorageException.Corrupt {
    MainData data = new MainData(record);
    int count = data.i32();
    int subtransactionCount = data.i32();
    boolean subtransactionsMissing = data.bool();
    data.align(Integer.BYTES);
    return new RunningTransactions(
        count, subtransactionCount, subtransactionsMissing, data.i32(), data.i32(), data.i32());
  }
}
