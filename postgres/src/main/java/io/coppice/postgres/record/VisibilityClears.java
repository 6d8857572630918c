package io.coppice.postgres.record;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Fork;
import io.coppice.postgres.bytes.LittleEndian;
import io.coppice.postgres.wal.WalRecord;

/**
 * Which bits of the visibility map a heap record clears that does not name the map's page; its
 * flags alone say so ({@code heapam_xlog.h}). Newer minor releases of 17 and 18 have the map's page
 * among the record's blocks, whose redo clears the bits; of such records nothing is said here.
 *
 * <p>The answer is one number, so that asking makes no garbage: zero, or a sum of {@link
 * #NEW_PAGE}, {@link #OLD_PAGE} and {@link #FROZEN_ONLY}.
 */
public final class VisibilityClears {
  /** Bits of the heap page of block {@link #NEW_PAGE_BLOCK}. */
  public static final int NEW_PAGE = 1;

  /** Bits of the heap page of {@link #oldPageBlock}, where an updated row was. */
  public static final int OLD_PAGE = 2;

  /** Only "all frozen" is cleared, not "all visible". */
  public static final int FROZEN_ONLY = 4;

  public static final int NEW_PAGE_BLOCK = 0;

  private static final int INSERT_FLAGS = 2;
  private static final int DELETE_FLAGS = 7;
  private static final int UPDATE_FLAGS = 7;
  private static final int LOCK_FLAGS = 7;
  private static final int MULTI_INSERT_FLAGS = 0;

  private static final int INSERT_ALL_VISIBLE_CLEARED = 1;
  private static final int DELETE_ALL_VISIBLE_CLEARED = 1;
  private static final int UPDATE_OLD_ALL_VISIBLE_CLEARED = 1;
  private static final int UPDATE_NEW_ALL_VISIBLE_CLEARED = 2;
  private static final int LOCK_ALL_FROZEN_CLEARED = 1;

  private VisibilityClears() {}

  /** Of any record; those of other resource managers clear nothing. */
  public static int of(WalRecord record) throws StorageException.Corrupt {
    if (namesMap(record)) {
      return 0;
    }
    int operation = record.info() & RecordKind.HEAP_OPERATION_MASK;
    return switch (record.resourceManager()) {
      case ResourceManager.HEAP -> ofHeap(record, operation);
      case ResourceManager.HEAP2 -> ofHeap2(record, operation);
      default -> 0;
    };
  }

  private static boolean namesMap(WalRecord record) {
    for (int id = 1; id < record.blockCount(); id++) {
      if (record.hasBlock(id) && record.blockFork(id) == Fork.VM.number()) {
        return true;
      }
    }
    return false;
  }

  private static int ofHeap(WalRecord record, int operation) throws StorageException.Corrupt {
    return switch (operation) {
      case RecordKind.HEAP_INSERT ->
          (flags(record, INSERT_FLAGS) & INSERT_ALL_VISIBLE_CLEARED) != 0 ? NEW_PAGE : 0;
      case RecordKind.HEAP_DELETE ->
          (flags(record, DELETE_FLAGS) & DELETE_ALL_VISIBLE_CLEARED) != 0 ? NEW_PAGE : 0;
      case RecordKind.HEAP_UPDATE, RecordKind.HEAP_HOT_UPDATE -> {
        int flags = flags(record, UPDATE_FLAGS);
        yield ((flags & UPDATE_NEW_ALL_VISIBLE_CLEARED) != 0 ? NEW_PAGE : 0)
            | ((flags & UPDATE_OLD_ALL_VISIBLE_CLEARED) != 0 ? OLD_PAGE : 0);
      }
      case RecordKind.HEAP_LOCK -> ofLock(record);
      default -> 0;
    };
  }

  private static int ofHeap2(WalRecord record, int operation) throws StorageException.Corrupt {
    return switch (operation) {
      case RecordKind.HEAP2_MULTI_INSERT ->
          (flags(record, MULTI_INSERT_FLAGS) & INSERT_ALL_VISIBLE_CLEARED) != 0 ? NEW_PAGE : 0;
      case RecordKind.HEAP2_LOCK_UPDATED -> ofLock(record);
      default -> 0;
    };
  }

  private static int ofLock(WalRecord record) throws StorageException.Corrupt {
    return (flags(record, LOCK_FLAGS) & LOCK_ALL_FROZEN_CLEARED) != 0 ? NEW_PAGE | FROZEN_ONLY : 0;
  }

  /** The block that held the old version of an updated row: 0 if it stayed on its page. */
  public static int oldPageBlock(WalRecord record) {
    return record.hasBlock(1) ? 1 : 0;
  }

  private static int flags(WalRecord record, int offset) throws StorageException.Corrupt {
    if (offset >= record.mainDataLength()) {
      throw new StorageException.Corrupt(
          "%s at %s: main data: expected more than %d bytes, got %d"
              .formatted(RecordNames.of(record), record.start(), offset, record.mainDataLength()));
    }
    return LittleEndian.u8(record.bytes(), record.mainDataOffset() + offset);
  }
}
