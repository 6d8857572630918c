package io.coppice.postgres.redo;

import static io.coppice.postgres.bytes.LittleEndian.u16;
import static io.coppice.postgres.bytes.LittleEndian.u8;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.page.PageItems;
import io.coppice.postgres.record.RecordKind;

/**
 * Pruning of 17 and 18 ({@code xl_heap_prune}): one layout for pruning, freezing and both passes of
 * vacuum.
 *
 * <p>Main data: reason u8, flags u8, and if they say so the conflict horizon u32. Block data, each
 * part only if its flag is set:
 *
 * <pre>
 *  0x10  | plans u16 | padding u16 | freeze plan x plans |
 *  0x20  | n u16 | redirected from, to (u16 each) x n |
 *  0x40  | n u16 | now dead u16 x n |
 *  0x80  | n u16 | now unused u16 x n |
 *  0x10  | offset numbers of the plans' tuples, u16 each |
 * </pre>
 */
final class HeapPruningV17To18 implements HeapPruning {
  private static final int CLEANUP_LOCK = 0x04;
  private static final int HAS_FREEZE_PLANS = 0x10;
  private static final int HAS_REDIRECTIONS = 0x20;
  private static final int HAS_DEAD = 0x40;
  private static final int HAS_UNUSED = 0x80;
  private static final int PLANS_HEADER_BYTES = 4;

  private final PageItems items;

  HeapPruningV17To18(PageItems items) {
    this.items = items;
  }

  @Override
  public boolean redo(int kind, byte[] page, StoredRecord record) throws StorageException.Corrupt {
    switch (kind) {
      case RecordKind.HEAP2_PRUNE_ON_ACCESS,
          RecordKind.HEAP2_PRUNE_VACUUM_SCAN,
          RecordKind.HEAP2_PRUNE_VACUUM_CLEANUP ->
          prune(page, record, u8(record.bytes(), record.main(2) + 1));
      default -> {
        return false;
      }
    }
    return true;
  }

  private void prune(byte[] page, StoredRecord record, int flags) throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int start = record.data(0);
    int at = start;
    int plans = 0;
    if ((flags & HAS_FREEZE_PLANS) != 0) {
      plans = u16(bytes, record.data(PLANS_HEADER_BYTES));
      record.data(PLANS_HEADER_BYTES + plans * FreezePlans.PLAN_BYTES);
      at += PLANS_HEADER_BYTES + plans * FreezePlans.PLAN_BYTES;
    }
    if ((flags & HAS_REDIRECTIONS) != 0) {
      int end = partEnd(record, at - start, 4);
      for (at += 2; at < end; at += 4) {
        HeapPruning.setRedirected(page, u16(bytes, at), u16(bytes, at + 2));
      }
    }
    if ((flags & HAS_DEAD) != 0) {
      int end = partEnd(record, at - start, 2);
      for (at += 2; at < end; at += 2) {
        HeapPruning.setDead(page, u16(bytes, at));
      }
    }
    if ((flags & HAS_UNUSED) != 0) {
      int end = partEnd(record, at - start, 2);
      for (at += 2; at < end; at += 2) {
        HeapPruning.setUnused(page, u16(bytes, at));
      }
    }
    if ((flags & (HAS_REDIRECTIONS | HAS_DEAD | HAS_UNUSED)) != 0) {
      // Without the lock no tuple may move: then there are only dead items that become unused.
      if ((flags & CLEANUP_LOCK) != 0) {
        items.repairFragmentation(page, true);
      } else {
        PageItems.truncateLinePointers(page);
      }
    }
    FreezePlans.apply(page, record, start + PLANS_HEADER_BYTES, plans, at);
  }

  /** Where a part ends that begins at that byte of the block's data with how many items it has. */
  private static int partEnd(StoredRecord record, int from, int itemBytes)
      throws StorageException.Corrupt {
    int count = u16(record.bytes(), record.data(from + 2) + from);
    int length = 2 + count * itemBytes;
    return record.data(from + length) + from + length;
  }
}
