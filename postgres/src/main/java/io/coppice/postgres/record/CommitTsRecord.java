package io.coppice.postgres.record;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.wal.WalRecord;

/** Growth and cutting of the commit timestamps, if a server tracks them ({@code commit_ts.h}). */
public sealed interface CommitTsRecord {

  record ZeroPage(int page) implements CommitTsRecord {}

  record Truncate(int page, int oldestXid) implements CommitTsRecord {}

  static CommitTsRecord parse(WalRecord record)
      throws StorageException.Corrupt, StorageException.Unsupported {
    MainData data = new MainData(record);
    RecordFormat format = RecordFormat.of(record.version());
    return switch (record.kind()) {
      case RecordKind.COMMIT_TS_ZEROPAGE -> new ZeroPage(format.slruPage(data));
      case RecordKind.COMMIT_TS_TRUNCATE -> new Truncate(format.slruPage(data), data.i32());
      default -> throw MainData.unknownKind(record);
    };
  }
}
