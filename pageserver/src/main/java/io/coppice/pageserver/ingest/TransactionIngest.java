package io.coppice.pageserver.ingest;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.key.Key;
import io.coppice.pageserver.query.Commit;
import io.coppice.pageserver.timeline.TimelineKeys;
import io.coppice.postgres.bytes.LittleEndian;
import io.coppice.postgres.record.PreparedTransaction;
import io.coppice.postgres.record.RecordKind;
import io.coppice.postgres.record.ReplicationOriginRecord;
import io.coppice.postgres.record.TransactionEnd;
import io.coppice.postgres.redo.SlruPages;
import io.coppice.postgres.redo.StoredValues;
import io.coppice.postgres.wal.WalRecord;
import java.util.Arrays;
import java.util.Optional;

/** Ends of transactions: their status, the relations they drop, their place in the commit index. */
final class TransactionIngest {
  private static final byte[] PRESENT = {1};

  private final ValueSink sink;
  private final Relations relations;
  private final Slrus slrus;
  private final CheckPointState checkPoint;
  private final TransactionEnd end = new TransactionEnd();
  private final byte[] commitBytes = new byte[Commit.SIZE_BYTES];
  private int[] xids = new int[64];
  private long latestCommitMicros;

  TransactionIngest(ValueSink sink, Relations relations, Slrus slrus, CheckPointState checkPoint)
      throws StorageException {
    this.sink = sink;
    this.relations = relations;
    this.slrus = slrus;
    this.checkPoint = checkPoint;
    Optional<byte[]> lastCommit = sink.latest(TimelineKeys.COMMIT_INDEX);
    this.latestCommitMicros =
        lastCommit.isEmpty() ? Long.MIN_VALUE : Commit.read(lastCommit.get()).latestMicros();
  }

  void ingest(WalRecord record) throws StorageException {
    if (TransactionEnd.is(record)) {
      end(record);
    } else if ((record.info() & RecordKind.XACT_OPERATION_MASK) == RecordKind.XACT_PREPARE) {
      prepare(record);
    }
  }

  private void end(WalRecord record) throws StorageException {
    end.parse(record);
    putStatus();
    for (int i = 0; i < end.droppedRelationCount(); i++) {
      RelationTag dropped = end.droppedRelation(i);
      relations.dropAllForks(dropped.spcOid(), dropped.dbOid(), dropped.relNumber());
    }
    if (end.prepared()) {
      long xid = end.xid() & 0xFFFF_FFFFL;
      sink.delete(TimelineKeys.twoPhaseFile(xid));
      sink.delete(TimelineKeys.twoPhase(xid));
    }
    if (end.hasOrigin()) {
      advanceOrigin(record.originId(), end.originLsn(), false);
    }
    if (end.committed()) {
      latestCommitMicros = Math.max(latestCommitMicros, end.timeMicros());
      new Commit(sink.lsn(), end.timeMicros(), latestCommitMicros).write(commitBytes, 0);
      sink.putImage(TimelineKeys.COMMIT_INDEX, commitBytes);
    }
  }

  /** One value for each page of statuses. */
  private void putStatus() throws StorageException {
    int count = end.subtransactionCount() + 1;
    if (xids.length < count) {
      xids = new int[count];
    }
    xids[0] = end.xid();
    checkPoint.sawXid(end.xid());
    boolean samePage = true;
    for (int i = 1; i < count; i++) {
      xids[i] = end.subtransaction(i - 1);
      checkPoint.sawXid(xids[i]);
      samePage &= SlruPages.xactPage(xids[i]) == SlruPages.xactPage(xids[0]);
    }
    if (!samePage) {
      Arrays.sort(xids, 0, count);
    }
    int status = end.committed() ? StoredValues.XACT_COMMITTED : StoredValues.XACT_ABORTED;
    int from = 0;
    while (from < count) {
      int page = SlruPages.xactPage(xids[from]);
      int to = from + 1;
      while (to < count && SlruPages.xactPage(xids[to]) == page) {
        to++;
      }
      StoredValues.encodeXactStatus(sink.scratch(), status, xids, from, to - from);
      slrus.putChange(TimelineKeys.SLRU_TRANSACTION_STATUS, page);
      from = to;
    }
  }

  private void prepare(WalRecord record) throws StorageException {
    PreparedTransaction prepared = PreparedTransaction.parse(record);
    checkPoint.sawXid(prepared.xid());
    prepared.subtransactions().forEach(checkPoint::sawXid);
    long xid = prepared.xid() & 0xFFFF_FFFFL;
    StoredValues.encodeImage(
        sink.scratch(), record.bytes(), record.mainDataOffset(), record.mainDataLength());
    sink.put(TimelineKeys.twoPhaseFile(xid));
    sink.putImage(TimelineKeys.twoPhase(xid), PRESENT);
  }

  void origin(WalRecord record) throws StorageException {
    switch (ReplicationOriginRecord.parse(record)) {
      case ReplicationOriginRecord.Set(int originId, Lsn remoteLsn, boolean force) ->
          advanceOrigin(originId, remoteLsn, force);
      case ReplicationOriginRecord.Drop(int originId) ->
          sink.delete(TimelineKeys.replicationOrigin(originId));
    }
  }

  private void advanceOrigin(int originId, Lsn remoteLsn, boolean evenBack)
      throws StorageException {
    Key key = TimelineKeys.replicationOrigin(originId);
    Optional<byte[]> stored = sink.latest(key);
    boolean forward =
        stored.isEmpty() || remoteLsn.isAfter(new Lsn(LittleEndian.i64(stored.get(), 0)));
    if (forward || evenBack) {
      byte[] value = new byte[Long.BYTES];
      LittleEndian.putI64(value, 0, remoteLsn.value());
      sink.putImage(key, value);
    }
  }
}
