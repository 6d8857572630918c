package io.coppice.postgres.record;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.RelationTag;
import io.coppice.postgres.wal.WalRecord;
import java.util.ArrayList;
import java.util.List;

/**
 * A PREPARE record, whose main data is what the two-phase file holds ({@code xl_xact_prepare} in
 * {@code xact.h}).
 *
 * <pre>
 * 0       4           8     12         16            24      28           32             36
 * | magic | total len | xid | database | prepared at | owner | n subxacts | n drop commit |
 * 36             40               44              48              52     53   54        56
 * | n drop abort | n stats commit | n stats abort | n invalidates | init | -  | gid len |
 * 56           64            72
 * | origin lsn | origin time | gid | subxacts | drop on commit | drop on abort | ...
 * </pre>
 *
 * 14 has no statistics, and all behind them is 8 bytes earlier. Each list begins at a multiple of
 * 8. The total length counts the CRC that only the file has.
 */
public record PreparedTransaction(
    int xid,
    int databaseOid,
    long preparedAtMicros,
    int ownerOid,
    String name,
    List<Integer> subtransactions,
    List<RelationTag> droppedOnCommit,
    List<RelationTag> droppedOnAbort) {
  private static final int MAGIC = 0x57F94534;
  private static final int CRC_BYTES = 4;
  private static final int ALIGNMENT = 8;

  public PreparedTransaction {
    subtransactions = List.copyOf(subtransactions);
    droppedOnCommit = List.copyOf(droppedOnCommit);
    droppedOnAbort = List.copyOf(droppedOnAbort);
  }

  public static PreparedTransaction parse(WalRecord record) throws StorageException.Corrupt {
    MainData data = new MainData(record);
    int magic = data.i32();
    if (magic != MAGIC) {
      throw data.corrupt("magic %08x".formatted(MAGIC), "%08x".formatted(magic));
    }
    int totalBytes = data.i32();
    if (totalBytes != record.mainDataLength() + CRC_BYTES) {
      throw data.corrupt(
          "a length of %d".formatted(record.mainDataLength() + CRC_BYTES),
          Integer.toString(totalBytes));
    }
    int xid = data.i32();
    int databaseOid = data.i32();
    long preparedAtMicros = data.i64();
    int ownerOid = data.i32();
    int subtransactionCount = data.i32();
    int droppedOnCommitCount = data.i32();
    int droppedOnAbortCount = data.i32();
    if (RecordFormat.of(record.version()).preparedStatistics()) {
      data.skip(2 * Integer.BYTES);
    }
    data.skip(Integer.BYTES + 2);
    int nameBytes = data.u16();
    data.skip(2 * Long.BYTES);
    if (nameBytes > TransactionEnd.PREPARED_NAME_BYTES_MAX) {
      throw data.corrupt(
          "a name of at most %d bytes".formatted(TransactionEnd.PREPARED_NAME_BYTES_MAX),
          nameBytes + " bytes");
    }
    String name = data.text(nameBytes);
    data.align(ALIGNMENT);
    List<Integer> subtransactions =
        new ArrayList<>(data.checkCount(subtransactionCount, Integer.BYTES));
    for (int i = 0; i < subtransactionCount; i++) {
      subtransactions.add(data.i32());
    }
    data.align(ALIGNMENT);
    List<RelationTag> droppedOnCommit = relations(data, droppedOnCommitCount);
    List<RelationTag> droppedOnAbort = relations(data, droppedOnAbortCount);
    return new PreparedTransaction(
        xid,
        databaseOid,
        preparedAtMicros,
        ownerOid,
        name,
        subtransactions,
        droppedOnCommit,
        droppedOnAbort);
  }

  private static List<RelationTag> relations(MainData data, int count)
      throws StorageException.Corrupt {
    List<RelationTag> relations = new ArrayList<>(data.checkCount(count, MainData.RELATION_BYTES));
    for (int i = 0; i < count; i++) {
      relations.add(data.relation());
    }
    data.align(ALIGNMENT);
    return relations;
  }
}
