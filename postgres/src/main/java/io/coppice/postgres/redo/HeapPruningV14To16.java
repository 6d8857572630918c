package io.coppice.postgres.redo;

import static io.coppice.postgres.bytes.LittleEndian.i32;
import static io.coppice.postgres.bytes.LittleEndian.u16;
import static io.coppice.postgres.bytes.LittleEndian.u8;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.page.PageItems;
import io.coppice.postgres.record.RecordKind;

/**
 * Pruning of 14, 15 and 16 ({@code heapam_xlog.h}): three kinds of records, for pruning, vacuum's
 * second pass and freezing.
 */
final class HeapPruningV14To16 implements HeapPruning {
  private static final int FREEZE_BYTES = 12;

  private final PageItems items;
  private final boolean dropsLinePointers;
  private final boolean freezesByPlan;

  private HeapPruningV14To16(PageItems items, boolean dropsLinePointers, boolean freezesByPlan) {
    this.items = items;
    this.dropsLinePointers = dropsLinePointers;
    this.freezesByPlan = freezesByPlan;
  }

  static HeapPruning ofV14(PageItems items) {
    return new HeapPruningV14To16(items, false, false);
  }

  static HeapPruning ofV15(PageItems items) {
    return new HeapPruningV14To16(items, true, false);
  }

  static HeapPruning ofV16(PageItems items) {
    return new HeapPruningV14To16(items, true, true);
  }

  @Override
  public boolean redo(int kind, byte[] page, StoredRecord record) throws StorageException.Corrupt {
    switch (kind) {
      case RecordKind.HEAP2_PRUNE -> prune(page, record);
      case RecordKind.HEAP2_VACUUM -> vacuum(page, record);
      case RecordKind.HEAP2_FREEZE_PAGE -> {
        if (freezesByPlan) {
          freezeByPlan(page, record);
        } else {
          freezeEach(page, record);
        }
      }
      default -> {
        return false;
      }
    }
    return true;
  }

  /**
   * Main data: latest removed xid u32, number of redirections u16, number of dead items u16; 16
   * adds whether it is a catalog u8. Block data: the redirections (from, to), the dead, and for the
   * rest the unused, u16 each.
   */
  private void prune(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int main = record.main(8);
    int redirections = u16(bytes, main + 4);
    int dead = u16(bytes, main + 6);
    int at = record.data(redirections * 4 + dead * 2);
    for (int i = 0; i < redirections; i++, at += 4) {
      HeapPruning.setRedirected(page, u16(bytes, at), u16(bytes, at + 2));
    }
    for (int i = 0; i < dead; i++, at += 2) {
      HeapPruning.setDead(page, u16(bytes, at));
    }
    for (; at < record.dataEnd(); at += 2) {
      HeapPruning.setUnused(page, u16(bytes, at));
    }
    items.repairFragmentation(page, dropsLinePointers);
  }

  /** Main data: number of items u16. Block data: dead items that become unused, u16 each. */
  private static void vacuum(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int unused = u16(bytes, record.main(2));
    int at = record.data(unused * 2);
    for (int i = 0; i < unused; i++, at += 2) {
      HeapPruning.setUnused(page, u16(bytes, at));
    }
    PageItems.truncateLinePointers(page);
  }

  /**
   * As of 14 and 15. Main data: cutoff xid u32, number of tuples u16. Block data, for each: xmax
   * u32, offset number, infomask2, infomask u16 each, flags u8, padding.
   */
  private static void freezeEach(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int tuples = u16(bytes, record.main(6) + 4);
    int at = record.data(tuples * FREEZE_BYTES);
    for (int i = 0; i < tuples; i++, at += FREEZE_BYTES) {
      HeapPruning.freeze(
          page,
          u16(bytes, at + 4),
          i32(bytes, at),
          u16(bytes, at + 6),
          u16(bytes, at + 8),
          u8(bytes, at + 10));
    }
  }

  /**
   * As of 16. Main data: conflict horizon u32, number of plans u16, whether it is a catalog u8.
   * Block data: the plans, then the offset numbers u16 each of all of them.
   */
  private static void freezeByPlan(byte[] page, StoredRecord record)
      throws StorageException.Corrupt {
    int plans = u16(record.bytes(), record.main(6) + 4);
    int at = record.data(plans * FreezePlans.PLAN_BYTES);
    FreezePlans.apply(page, record, at, plans, at + plans * FreezePlans.PLAN_BYTES);
  }
}
