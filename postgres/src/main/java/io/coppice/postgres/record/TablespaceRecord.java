package io.coppice.postgres.record;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.wal.WalRecord;

/** Tablespaces made and dropped ({@code tablespace.h}). */
public sealed interface TablespaceRecord {
  int PATH_BYTES_MAX = 1024;

  record Create(int tablespaceOid, String path) implements TablespaceRecord {}

  record Drop(int tablespaceOid) implements TablespaceRecord {}

  static TablespaceRecord parse(WalRecord record)
      throws StorageException.Corrupt, StorageException.Unsupported {
    MainData data = new MainData(record);
    return switch (record.kind()) {
      case RecordKind.TBLSPC_CREATE -> new Create(data.i32(), data.text(PATH_BYTES_MAX));
      case RecordKind.TBLSPC_DROP -> new Drop(data.i32());
      default -> throw MainData.unknownKind(record);
    };
  }
}
