package io.coppice.pageserver.ingest;

import io.coppice.common.error.StorageException;
import io.coppice.common.key.Key;
import io.coppice.postgres.record.ResourceManager;
import io.coppice.postgres.redo.StoredValues;
import io.coppice.postgres.wal.WalRecord;
import org.jspecify.annotations.Nullable;

/**
 * The blocks of a record: each becomes one value, and relations grow to hold them. This is the hot
 * path: a record whose relations are remembered and do not grow makes no garbage but keys.
 */
final class BlockIngest {
  private final ValueSink sink;
  private final Relations relations;
  private final @Nullable Relation[] ofBlock = new Relation[Byte.MAX_VALUE];

  BlockIngest(ValueSink sink, Relations relations) {
    this.sink = sink;
    this.relations = relations;
  }

  /** Must come first of all that a record does. */
  void ingest(WalRecord record) throws StorageException {
    int count = record.blockCount();
    boolean grows = false;
    for (int id = 0; id < count; id++) {
      ofBlock[id] = null;
      if (record.hasBlock(id) && !isNoChange(record, id)) {
        grows |= prepare(record, id);
      }
    }
    for (int id = 0; id < count; id++) {
      Relation relation = ofBlock[id];
      if (relation != null) {
        StoredValues.encodeBlock(record, id, sink.scratch());
        sink.put(
            new Key(
                0,
                relation.spc,
                relation.db,
                relation.relNumber,
                relation.fork,
                record.blockNumber(id)));
      }
    }
    if (grows) {
      grow(record, count);
    }
  }

  /** A hint that was logged without the page, because full-page images are off. */
  private static boolean isNoChange(WalRecord record, int id) {
    return record.resourceManager() == ResourceManager.XLOG && !record.blockHasImage(id);
  }

  /**
   * Finds the relation of a block, and lays a page of zeros under a change to a block that is not
   * there yet.
   *
   * @return whether the relation will grow
   */
  private boolean prepare(WalRecord record, int id) throws StorageException {
    Relations.checkBlock(record, id);
    Relation relation =
        relations.find(
            record.blockSpc(id), record.blockDb(id), record.blockRel(id), record.blockFork(id));
    ofBlock[id] = relation;
    long block = record.blockNumber(id) & 0xFFFF_FFFFL;
    boolean complete = record.blockWillInit(id) || record.blockApplyImage(id);
    if (block < relation.sizeBlocks) {
      if (relation.holes && !complete && sink.latest(relation.blockKey(block)).isEmpty()) {
        sink.putZeroPageUnderRecord(relation.blockKey(block));
      }
      return false;
    }
    if (!complete) {
      sink.putZeroPageUnderRecord(relation.blockKey(block));
    }
    relation.grownToBlocks = Math.max(relation.grownToBlocks, block + 1);
    return true;
  }

  private void grow(WalRecord record, int count) throws StorageException {
    for (int id = 0; id < count; id++) {
      Relation relation = ofBlock[id];
      if (relation != null && relation.grownToBlocks > relation.sizeBlocks) {
        relations.growTo(relation, record);
      }
    }
  }
}
