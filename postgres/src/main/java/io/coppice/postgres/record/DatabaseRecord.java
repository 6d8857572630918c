package io.coppice.postgres.record;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.wal.WalRecord;
import java.util.ArrayList;
import java.util.List;

/** Databases made and dropped ({@code dbcommands_xlog.h}). */
public sealed interface DatabaseRecord {

  /** A database comes to be as a copy of another's files, which are not in the log. */
  record CreateByCopy(
      int databaseOid, int tablespaceOid, int sourceDatabaseOid, int sourceTablespaceOid)
      implements DatabaseRecord {}

  /** A database comes to be; its pages follow in the log. From 15 on. */
  record CreateByLog(int databaseOid, int tablespaceOid) implements DatabaseRecord {}

  /** A database's files go away in each of the tablespaces. */
  record Drop(int databaseOid, List<Integer> tablespaceOids) implements DatabaseRecord {
    public Drop {
      tablespaceOids = List.copyOf(tablespaceOids);
    }
  }

  static DatabaseRecord parse(WalRecord record)
      throws StorageException.Corrupt, StorageException.Unsupported {
    MainData data = new MainData(record);
    return switch (RecordFormat.of(record.version()).databaseKind(record.kind())) {
      case RecordKind.DBASE_CREATE_FILE_COPY ->
          new CreateByCopy(data.i32(), data.i32(), data.i32(), data.i32());
      case RecordKind.DBASE_CREATE_WAL_LOG -> new CreateByLog(data.i32(), data.i32());
      case RecordKind.DBASE_DROP -> {
        int databaseOid = data.i32();
        int count = data.count(Integer.BYTES);
        List<Integer> tablespaceOids = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
          tablespaceOids.add(data.i32());
        }
        yield new Drop(databaseOid, tablespaceOids);
      }
      default -> throw MainData.unknownKind(record);
    };
  }
}
