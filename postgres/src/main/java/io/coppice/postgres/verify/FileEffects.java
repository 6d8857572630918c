package io.coppice.postgres.verify;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Fork;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.key.Key;
import io.coppice.postgres.page.VisibilityMapPage;
import io.coppice.postgres.record.DatabaseRecord;
import io.coppice.postgres.record.ResourceManager;
import io.coppice.postgres.record.SmgrRecord;
import io.coppice.postgres.record.VisibilityClears;
import io.coppice.postgres.redo.ByteSink;
import io.coppice.postgres.redo.PageRedo;
import io.coppice.postgres.redo.StoredValues;
import io.coppice.postgres.wal.WalRecord;

/**
 * What records do to pages that are not among their blocks: bits of the visibility map, and files
 * that are made, cut or copied.
 */
final class FileEffects {
  private final ReplayedPages pages;
  private final PageRedo redo;
  private final ByteSink value = new ByteSink();

  FileEffects(ReplayedPages pages, PageRedo redo) {
    this.pages = pages;
    this.redo = redo;
  }

  void apply(WalRecord record) throws StorageException {
    int clears = VisibilityClears.of(record);
    if (clears != 0) {
      clearVisibility(record, clears);
    }
    switch (record.resourceManager()) {
      case ResourceManager.SMGR -> storage(record);
      case ResourceManager.DBASE -> database(record);
      default -> {}
    }
  }

  private void clearVisibility(WalRecord record, int clears) throws StorageException {
    int bits =
        (clears & VisibilityClears.FROZEN_ONLY) != 0
            ? StoredValues.VM_ALL_FROZEN
            : StoredValues.VM_ALL;
    if ((clears & VisibilityClears.NEW_PAGE) != 0) {
      clearVisibility(record, VisibilityClears.NEW_PAGE_BLOCK, bits);
    }
    if ((clears & VisibilityClears.OLD_PAGE) != 0) {
      clearVisibility(record, VisibilityClears.oldPageBlock(record), bits);
    }
  }

  private void clearVisibility(WalRecord record, int blockId, int bits) throws StorageException {
    int heapBlock = record.blockNumber(blockId);
    StoredValues.encodeClearVmBits(value, bits, heapBlock);
    applyToMap(record.blockTag(blockId).withFork(Fork.VM), heapBlock, record.end());
  }

  /** A map that is not there has no bits. */
  private void applyToMap(RelationTag map, int heapBlock, Lsn lsn) throws StorageException {
    int block = VisibilityMapPage.mapBlock(heapBlock);
    byte[] page = pages.find(map, block);
    if (page != null) {
      redo.apply(page, lsn, Key.relationBlock(map, block), value.bytes(), 0, value.length());
    }
  }

  private void storage(WalRecord record) throws StorageException {
    switch (SmgrRecord.parse(record)) {
      case SmgrRecord.Create create -> pages.truncate(create.relation(), 0);
      case SmgrRecord.Truncate truncate -> {
        RelationTag relation = truncate.relation();
        if (truncate.mainFork()) {
          pages.truncate(relation, truncate.blockCount());
        }
        if (truncate.visibilityMap()) {
          truncateMap(relation.withFork(Fork.VM), truncate.blockCount(), record.end());
        }
        if (truncate.freeSpaceMap()) {
          // Nothing that is logged refers to it: what its pages hold need not be known.
          pages.truncate(relation.withFork(Fork.FSM), 0);
        }
      }
    }
  }

  private void truncateMap(RelationTag map, int heapBlocks, Lsn lsn) throws StorageException {
    int mapBlocks = VisibilityMapPage.mapBlock(heapBlocks);
    boolean isCutInPage = heapBlocks % VisibilityMapPage.HEAP_BLOCKS_PER_PAGE != 0;
    if (isCutInPage) {
      StoredValues.encodeTruncateVm(value, heapBlocks);
      applyToMap(map, heapBlocks, lsn);
    }
    pages.truncate(map, isCutInPage ? mapBlocks + 1 : mapBlocks);
  }

  private void database(WalRecord record) throws StorageException {
    if (DatabaseRecord.parse(record) instanceof DatabaseRecord.CreateByCopy copy) {
      pages.copyDatabase(
          copy.tablespaceOid(),
          copy.databaseOid(),
          copy.sourceTablespaceOid(),
          copy.sourceDatabaseOid());
    }
  }
}
