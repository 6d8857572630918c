package io.coppice.pageserver.ingest;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.pageserver.timeline.TimelineKeys;
import io.coppice.pageserver.timeline.TimelineWriter;
import io.coppice.postgres.page.VisibilityMapPage;
import io.coppice.postgres.record.ClogRecord;
import io.coppice.postgres.record.ResourceManager;
import io.coppice.postgres.record.RunningTransactions;
import io.coppice.postgres.record.SmgrRecord;
import io.coppice.postgres.record.VisibilityClears;
import io.coppice.postgres.redo.PageRedo;
import io.coppice.postgres.redo.SlruPages;
import io.coppice.postgres.redo.StoredValues;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.WalRecord;

/**
 * Turns a timeline's WAL records, in order, into values. Owns the timeline's writer; one thread.
 *
 * <p>After an exception the timeline's state is that of the record before, once that is published,
 * and nothing more must be ingested here: values of the failed record may have been put.
 */
public final class WalIngest {
  private final TimelineWriter writer;
  private final ValueSink sink;
  private final Relations relations;
  private final BlockIngest blocks;
  private final Slrus slrus;
  private final CheckPointState checkPoint;
  private final TransactionIngest transactions;
  private final MultixactIngest multixacts;
  private final DatabaseIngest databases;

  WalIngest(
      PostgresVersion version,
      TimelineWriter writer,
      PublishedPages published,
      RelationListener listener)
      throws StorageException {
    this.writer = writer;
    this.sink = new ValueSink(writer);
    this.relations = new Relations(sink, listener);
    this.blocks = new BlockIngest(sink, relations);
    this.slrus = new Slrus(sink, PageRedo.ofMajor(version.major()));
    this.checkPoint = CheckPointState.load(version, sink);
    this.transactions = new TransactionIngest(sink, relations, slrus, checkPoint);
    this.multixacts = new MultixactIngest(sink, slrus, checkPoint);
    this.databases = new DatabaseIngest(published, sink, relations);
  }

  /**
   * Takes over the writer of a timeline, to go on after its last record.
   *
   * @param listener hears of changed sizes, before they can be read
   */
  public static WalIngest open(Timeline timeline, RelationListener listener)
      throws StorageException {
    TimelineWriter writer = timeline.writer();
    writer.discardRecord(); // The owner before may have failed half-way.
    return new WalIngest(
        PostgresVersion.ofMajor(timeline.pgMajor()),
        writer,
        (keys, out) -> {
          writer.publish();
          timeline.getPages(keys, timeline.lastRecordLsn(), out);
        },
        listener);
  }

  /**
   * Stores what a record changes; it becomes readable with {@link #publish}.
   *
   * @throws StorageException.Corrupt if the record says what cannot be
   * @throws StorageException.Unsupported if it has an effect beyond pages that is not known here. A
   *     change of a page that cannot be replayed is stored; reads of that page will say so.
   */
  public void ingest(WalRecord record) throws StorageException {
    sink.begin(record.end());
    checkPoint.sawXid(record.xid());
    if (record.blockCount() > 0) {
      blocks.ingest(record);
    }
    switch (record.resourceManager()) {
      case ResourceManager.HEAP, ResourceManager.HEAP2 -> clearVisibility(record);
      case ResourceManager.XACT -> transactions.ingest(record);
      case ResourceManager.XLOG -> checkPoint.apply(record, sink);
      case ResourceManager.SMGR -> storage(record);
      case ResourceManager.CLOG -> transactionStatus(record);
      case ResourceManager.DBASE -> databases.ingest(record);
      case ResourceManager.TBLSPC -> databases.tablespace(record);
      case ResourceManager.MULTIXACT -> multixacts.ingest(record);
      case ResourceManager.RELMAP -> databases.relationMap(record);
      case ResourceManager.REPLORIGIN -> transactions.origin(record);
      case ResourceManager.STANDBY -> {
        if (RunningTransactions.is(record)) {
          checkPoint.setOldestActiveXid(RunningTransactions.parse(record).oldestRunningXid());
        }
      }
      default -> {} // All others change pages and nothing else.
    }
    checkPoint.finishRecord(sink);
    writer.endRecord(record.start(), record.end());
  }

  /** Makes readable what was ingested: to be called before anything is waited for. */
  public void publish() throws StorageException {
    writer.publish();
  }

  /** Bits of the visibility map that a change of the heap clears without naming the map's page. */
  private void clearVisibility(WalRecord record) throws StorageException {
    int clears = VisibilityClears.of(record);
    if (clears == 0) {
      return;
    }
    int bits =
        (clears & VisibilityClears.FROZEN_ONLY) != 0
            ? StoredValues.VM_ALL_FROZEN
            : StoredValues.VM_ALL_VISIBLE | StoredValues.VM_ALL_FROZEN;
    boolean clearsNew = (clears & VisibilityClears.NEW_PAGE) != 0;
    boolean clearsOld = (clears & VisibilityClears.OLD_PAGE) != 0;
    int newId = VisibilityClears.NEW_PAGE_BLOCK;
    int oldId = VisibilityClears.oldPageBlock(record);
    if (!record.hasBlock(newId)) {
      return;
    }
    int newBlock = record.blockNumber(newId);
    int oldBlock = record.blockNumber(oldId);
    Relation map =
        relations.find(record.blockSpc(newId), record.blockDb(newId), record.blockRel(newId), 2);
    if (clearsNew
        && clearsOld
        && newBlock != oldBlock
        && VisibilityMapPage.mapBlock(newBlock) == VisibilityMapPage.mapBlock(oldBlock)) {
      StoredValues.encodeClearVmBits(sink.scratch(), bits, newBlock, oldBlock);
      putVisibility(map, newBlock);
      return;
    }
    if (clearsNew) {
      StoredValues.encodeClearVmBits(sink.scratch(), bits, newBlock);
      putVisibility(map, newBlock);
    }
    if (clearsOld && !(clearsNew && newBlock == oldBlock)) {
      StoredValues.encodeClearVmBits(sink.scratch(), bits, oldBlock);
      putVisibility(map, oldBlock);
    }
  }

  /** A map that has no such page has no such bits: servers log clears of maps never made, too. */
  private void putVisibility(Relation map, int heapBlock) throws StorageException {
    long block = VisibilityMapPage.mapBlock(heapBlock) & 0xFFFF_FFFFL;
    if (map.exists && block < map.sizeBlocks) {
      sink.put(map.blockKey(block));
    }
  }

  private void storage(WalRecord record) throws StorageException {
    switch (SmgrRecord.parse(record)) {
      case SmgrRecord.Create(RelationTag relation) -> relations.create(relations.find(relation));
      case SmgrRecord.Truncate truncate -> {
        long heapBlocks = truncate.blockCount() & 0xFFFF_FFFFL;
        if (truncate.mainFork()) {
          relations.truncateHeap(truncate.relation(), heapBlocks);
        }
        if (truncate.freeSpaceMap()) {
          relations.truncateFreeSpaceMap(truncate.relation(), heapBlocks);
        }
        if (truncate.visibilityMap()) {
          relations.truncateVisibilityMap(truncate.relation(), heapBlocks);
        }
      }
    }
  }

  private void transactionStatus(WalRecord record) throws StorageException {
    switch (ClogRecord.parse(record)) {
      case ClogRecord.ZeroPage(int page) ->
          slrus.zeroPage(TimelineKeys.SLRU_TRANSACTION_STATUS, page);
      case ClogRecord.Truncate(int page, int oldestXid, int databaseOid) -> {
        checkPoint.advanceOldestXid(oldestXid, databaseOid);
        slrus.truncateTransactionStatus(page, SlruPages.xactPage(checkPoint.nextXid()));
      }
    }
  }

  /** End of the last record ingested. */
  public Lsn position() {
    return sink.lsn();
  }
}
