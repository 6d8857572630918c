package io.coppice.postgres.redo;

import static io.coppice.postgres.bytes.LittleEndian.u16;
import static io.coppice.postgres.bytes.LittleEndian.u8;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.page.HeapTuple;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.page.PageItems;
import io.coppice.postgres.page.VisibilityMapPage;
import io.coppice.postgres.record.RecordKind;

/**
 * Redo of the resource manager Heap2 ({@code heapam.c}, {@code heapam_xlog.h}); what differs
 * between majors is in its {@link HeapPruning}.
 */
final class Heap2Redo implements ResourceManagerRedo {

  private static final int INSERT_ALL_VISIBLE_CLEARED = 0x01;
  private static final int INSERT_ALL_FROZEN_SET = 0x20;

  private static final int VISIBLE_MAP_BLOCK_ID = 0;
  private static final int VISIBLE_HEAP_BLOCK_ID = 1;

  /** {@code SizeOfMultiInsertTuple}: data length, infomask2, infomask u16 each, header length. */
  private static final int MULTI_INSERT_TUPLE_BYTES = 7;

  private final PageItems items;
  private final HeapPruning pruning;

  Heap2Redo(PageItems items, HeapPruning pruning) {
    this.items = items;
    this.pruning = pruning;
  }

  @Override
  public RedoOutcome redo(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    int kind = record.info() & RecordKind.HEAP_OPERATION_MASK;
    if (kind == RecordKind.HEAP2_VISIBLE) {
      return visible(page, record);
    }
    if (record.isVisibilityMap()) {
      return clearVisibility(page, record, kind);
    }
    if (record.blockId() != 0) {
      return RedoOutcome.UNKNOWN;
    }
    switch (kind) {
      case RecordKind.HEAP2_MULTI_INSERT -> multiInsert(page, record);
      case RecordKind.HEAP2_LOCK_UPDATED -> lockUpdated(page, record);
      case RecordKind.HEAP2_REWRITE, RecordKind.HEAP2_NEW_CID -> {
        return RedoOutcome.UNCHANGED;
      }
      default -> {
        return pruning.redo(kind, page, record) ? RedoOutcome.CHANGED : RedoOutcome.UNKNOWN;
      }
    }
    return RedoOutcome.CHANGED;
  }

  /** Of the map's page that the record has beside the heap's. */
  private static RedoOutcome clearVisibility(byte[] page, StoredRecord record, int kind)
      throws StorageException.Corrupt {
    return switch (kind) {
      case RecordKind.HEAP2_MULTI_INSERT ->
          HeapVisibility.clear(page, record.otherBlock(0), StoredValues.VM_ALL);
      case RecordKind.HEAP2_LOCK_UPDATED ->
          HeapVisibility.clear(page, record.otherBlock(0), StoredValues.VM_ALL_FROZEN);
      default -> RedoOutcome.UNKNOWN;
    };
  }

  /**
   * Main data: cutoff xid u32, bits u8, to which 16 adds one that means a catalog. Block 0 is the
   * visibility map's, block 1 the heap's.
   *
   * <p>Postgres moves the heap page's LSN only if data checksums or {@code wal_log_hints} are on,
   * which the record does not tell. Here it always moves, so that the LSN names the last record
   * that changed the page; a later LSN than the primary's own is as good, as with checksums on.
   */
  private static RedoOutcome visible(byte[] page, StoredRecord record)
      throws StorageException.Corrupt {
    int bits = u8(record.bytes(), record.main(5) + 4) & StoredValues.VM_ALL;
    return switch (record.blockId()) {
      case VISIBLE_MAP_BLOCK_ID -> {
        if (Page.isNew(page)) {
          Page.init(page, 0);
        }
        boolean changed =
            VisibilityMapPage.set(page, record.otherBlock(VISIBLE_HEAP_BLOCK_ID), bits);
        yield changed ? RedoOutcome.CHANGED : RedoOutcome.UNCHANGED;
      }
      case VISIBLE_HEAP_BLOCK_ID -> {
        Page.setFlag(page, Page.ALL_VISIBLE, true);
        yield RedoOutcome.CHANGED;
      }
      default -> RedoOutcome.UNKNOWN;
    };
  }

  /**
   * Main data: flags u8, padding, number of tuples u16, then their offset numbers u16, which are
   * left out if the page is made anew. Block data: the tuples, each at an even position.
   */
  private void multiInsert(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    boolean init = (record.info() & RecordKind.HEAP_INIT_PAGE) != 0;
    int main = record.main(4);
    int flags = u8(bytes, main);
    int tuples = u16(bytes, main + 2);
    int offsetNumbers = record.main(init ? 4 : 4 + tuples * 2) + 4;
    if (init) {
      Page.init(page, 0);
    }
    int data = record.data(0);
    int at = 0;
    for (int i = 0; i < tuples; i++) {
      at = (at + 1) & ~1;
      record.data(at + MULTI_INSERT_TUPLE_BYTES);
      int length = u16(bytes, data + at);
      record.data(at + MULTI_INSERT_TUPLE_BYTES + length);
      int tuple =
          HeapTuples.add(
              items,
              page,
              init ? i + 1 : u16(bytes, offsetNumbers + i * 2),
              HeapTuple.HEADER_BYTES + length,
              record,
              u16(bytes, data + at + 2),
              u16(bytes, data + at + 4),
              u8(bytes, data + at + 6));
      at += MULTI_INSERT_TUPLE_BYTES;
      System.arraycopy(bytes, data + at, page, tuple + HeapTuple.HEADER_BYTES, length);
      at += length;
    }
    if (at != record.dataLength()) {
      throw new StorageException.Corrupt(
          "%d tuples end at byte %d of %d".formatted(tuples, at, record.dataLength()));
    }
    if ((flags & INSERT_ALL_VISIBLE_CLEARED) != 0) {
      Page.setFlag(page, Page.ALL_VISIBLE, false);
    }
    if ((flags & INSERT_ALL_FROZEN_SET) != 0) {
      Page.setFlag(page, Page.ALL_VISIBLE, true);
    }
  }

  /** Main data: xmax u32, offset number u16, infobits u8, flags u8. */
  private static void lockUpdated(byte[] page, StoredRecord record)
      throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int main = record.main(8);
    int tuple = HeapTuples.find(page, u16(bytes, main + 4));
    HeapTuples.setXmaxFlags(page, tuple, u8(bytes, main + 6));
    HeapTuples.setXmax(page, tuple, record, main);
  }
}
