package io.coppice.postgres.record;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.postgres.wal.WalRecord;

/** How far the changes of another server were replayed here ({@code origin.h}). */
public sealed interface ReplicationOriginRecord {

  record Set(int originId, Lsn remoteLsn, boolean force) implements ReplicationOriginRecord {}

  record Drop(int originId) implements ReplicationOriginRecord {}

  static ReplicationOriginRecord parse(WalRecord record)
      throws StorageException.Corrupt, StorageException.Unsupported {
    MainData data = new MainData(record);
    return switch (record.kind()) {
      case RecordKind.REPLORIGIN_SET -> {
        Lsn remoteLsn = data.lsn();
        yield new Set(data.u16(), remoteLsn, data.bool());
      }
      case RecordKind.REPLORIGIN_DROP -> new Drop(data.u16());
      default -> throw MainData.unknownKind(record);
    };
  }
}
