package io.coppice.postgres.record;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.postgres.bytes.LittleEndian;
import io.coppice.postgres.wal.WalRecord;
import java.util.Objects;

/**
 * The end of a transaction: COMMIT, ABORT, COMMIT_PREPARED or ABORT_PREPARED ({@code xact.h}). A
 * reusable view over the record's bytes, as valid as the record. One for each thread.
 *
 * <pre>
 * time (8)
 * xinfo (4)                               if XACT_HAS_INFO in the info byte, else 0
 * database (4), tablespace (4)            bit 0
 * n (4), subtransaction (4) x n           bit 1
 * n (4), dropped relation (12) x n        bit 2
 * n (4), dropped statistics x n           bit 8; 12 bytes each, from 18 on 16
 * n (4), invalidation (16) x n            bit 3
 * prepared transaction (4)                bit 4
 * its name, ends with a zero byte         bit 7
 * origin LSN (8), origin time (8)         bit 5
 * </pre>
 */
public final class TransactionEnd {
  private static final int HAS_DATABASE = 1;
  private static final int HAS_SUBTRANSACTIONS = 1 << 1;
  private static final int HAS_DROPPED_RELATIONS = 1 << 2;
  private static final int HAS_INVALIDATIONS = 1 << 3;
  private static final int HAS_PREPARED_XID = 1 << 4;
  private static final int HAS_ORIGIN = 1 << 5;
  private static final int HAS_PREPARED_NAME = 1 << 7;
  private static final int HAS_DROPPED_STATISTICS = 1 << 8;

  private static final int INVALIDATION_BYTES = 16;
  private static final int XID_BYTES = 4;

  /** Longest name of a prepared transaction with its zero byte ({@code GIDSIZE}). */
  static final int PREPARED_NAME_BYTES_MAX = 200;

  private byte[] bytes = new byte[0];
  private boolean committed;
  private boolean prepared;
  private int xid;
  private long timeMicros;
  private int flags;
  private int databaseOid;
  private int tablespaceOid;
  private int subtransactionCount;
  private int subtransactionsOffset;
  private int droppedRelationCount;
  private int droppedRelationsOffset;
  private String preparedName = "";
  private long originLsn;
  private long originTimeMicros;

  /** Whether the record is one that this class reads. */
  public static boolean is(WalRecord record) {
    if (record.resourceManager() != ResourceManager.XACT) {
      return false;
    }
    int operation = record.info() & RecordKind.XACT_OPERATION_MASK;
    return operation == RecordKind.XACT_COMMIT
        || operation == RecordKind.XACT_ABORT
        || operation == RecordKind.XACT_COMMIT_PREPARED
        || operation == RecordKind.XACT_ABORT_PREPARED;
  }

  /** Makes this a view of the record. */
  public TransactionEnd parse(WalRecord record)
      throws StorageException.Corrupt, StorageException.Unsupported {
    if (!is(record)) {
      throw MainData.unknownKind(record);
    }
    int operation = record.info() & RecordKind.XACT_OPERATION_MASK;
    MainData data = new MainData(record);
    bytes = record.bytes();
    prepared =
        operation == RecordKind.XACT_COMMIT_PREPARED || operation == RecordKind.XACT_ABORT_PREPARED;
    committed = operation == RecordKind.XACT_COMMIT || operation == RecordKind.XACT_COMMIT_PREPARED;
    xid = record.xid();
    timeMicros = data.i64();
    flags = (record.info() & RecordKind.XACT_HAS_INFO) != 0 ? data.i32() : 0;
    databaseOid = has(HAS_DATABASE) ? data.i32() : 0;
    tablespaceOid = has(HAS_DATABASE) ? data.i32() : 0;
    subtransactionCount = has(HAS_SUBTRANSACTIONS) ? data.count(XID_BYTES) : 0;
    subtransactionsOffset = data.take(subtransactionCount * XID_BYTES);
    droppedRelationCount = has(HAS_DROPPED_RELATIONS) ? data.count(MainData.RELATION_BYTES) : 0;
    droppedRelationsOffset = data.take(droppedRelationCount * MainData.RELATION_BYTES);
    if (has(HAS_DROPPED_STATISTICS)) {
      int itemBytes = RecordFormat.of(record.version()).droppedStatisticsBytes();
      data.skip(data.count(itemBytes) * itemBytes);
    }
    if (has(HAS_INVALIDATIONS)) {
      data.skip(data.count(INVALIDATION_BYTES) * INVALIDATION_BYTES);
    }
    preparedName = "";
    if (has(HAS_PREPARED_XID)) {
      xid = data.i32();
      if (has(HAS_PREPARED_NAME)) {
        preparedName = data.text(PREPARED_NAME_BYTES_MAX);
      }
    } else if (prepared) {
      throw data.corrupt("the id of the prepared transaction", "none");
    }
    originLsn = has(HAS_ORIGIN) ? data.i64() : 0;
    originTimeMicros = has(HAS_ORIGIN) ? data.i64() : 0;
    return this;
  }

  private boolean has(int flag) {
    return (flags & flag) != 0;
  }

  public boolean committed() {
    return committed;
  }

  /** Whether the transaction had been prepared: its two-phase file goes away. */
  public boolean prepared() {
    return prepared;
  }

  /** The top-level transaction that ends; of a prepared one its own id, not the record's. */
  public int xid() {
    return xid;
  }

  /** Microseconds since 2000-01-01; see {@link PostgresTime}. */
  public long timeMicros() {
    return timeMicros;
  }

  public int databaseOid() {
    return databaseOid;
  }

  public int tablespaceOid() {
    return tablespaceOid;
  }

  public int subtransactionCount() {
    return subtransactionCount;
  }

  public int subtransaction(int index) {
    return LittleEndian.i32(
        bytes, subtransactionsOffset + XID_BYTES * Objects.checkIndex(index, subtransactionCount));
  }

  public int droppedRelationCount() {
    return droppedRelationCount;
  }

  /** The main fork of a relation all of whose forks go away. */
  public RelationTag droppedRelation(int index) {
    return MainData.relationAt(
        bytes,
        droppedRelationsOffset
            + MainData.RELATION_BYTES * Objects.checkIndex(index, droppedRelationCount));
  }

  /** Name of the prepared transaction if the record has it, else empty. */
  public String preparedName() {
    return preparedName;
  }

  public boolean hasOrigin() {
    return has(HAS_ORIGIN);
  }

  /** Position in the log of the server that this change came from. */
  public Lsn originLsn() {
    return new Lsn(originLsn);
  }

  /** When it committed there, in microseconds since 2000-01-01. */
  public long originTimeMicros() {
    return originTimeMicros;
  }
}
