package io.coppice.postgres.record;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.wal.WalRecord;
import java.util.Arrays;

/**
 * The map from system catalogs to their files is replaced ({@code relmapper.h}).
 *
 * @param databaseOid zero for the map of the shared catalogs
 * @param map the new content of {@code pg_filenode.map}
 */
@SuppressWarnings("ArrayRecordComponent") // a file's bytes; nobody compares them
public record RelmapUpdate(int databaseOid, int tablespaceOid, byte[] map) {

  public static RelmapUpdate parse(WalRecord record)
      throws StorageException.Corrupt, StorageException.Unsupported {
    if (record.kind() != RecordKind.RELMAP_UPDATE) {
      throw MainData.unknownKind(record);
    }
    MainData data = new MainData(record);
    int databaseOid = data.i32();
    int tablespaceOid = data.i32();
    int length = data.count(1);
    int from = data.take(length);
    return new RelmapUpdate(
        databaseOid, tablespaceOid, Arrays.copyOfRange(data.bytes(), from, from + length));
  }
}
