package io.coppice.postgres.record;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.wal.WalRecord;

/** Growth and cutting of the commit status of transactions ({@code clog.h}). */
public sealed interface ClogRecord {

  /** A page comes to be, all zeros. Pages are counted through all segments. */
  record ZeroPage(int page) implements ClogRecord {}

  /** All segments before the one of that page go away. */
  record Truncate(int page, int oldestXid, int oldestXidDatabaseOid) implements ClogRecord {}

  static ClogRecord parse(WalRecord record)
      throws StorageException.Corrupt, StorageException.Unsupported {
    MainData data = new MainData(record);
    RecordFormat format = RecordFormat.of(record.version());
    return switch (record.kind()) {
      case RecordKind.CLOG_ZEROPAGE -> new ZeroPage(format.slruPage(data));
      case RecordKind.CLOG_TRUNCATE -> new Truncate(format.slruPage(data), data.i32(), data.i32());
      default -> throw MainData.unknownKind(record);
    };
  }
}
