package io.coppice.postgres.redo;

import static io.coppice.postgres.bytes.LittleEndian.putI32;
import static io.coppice.postgres.bytes.LittleEndian.u16;
import static io.coppice.postgres.bytes.LittleEndian.u8;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.page.HeapTuple;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.page.PageItems;
import io.coppice.postgres.page.VisibilityMapPage;
import io.coppice.postgres.record.RecordKind;

/**
 * Redo of the resource manager Heap ({@code heapam.c}, {@code heapam_xlog.h}), the same from 14 to
 * 18. Some of these records clear bits of the visibility map; newer minor releases of 17 and 18
 * have the map's page among the blocks, others do not name it.
 */
final class HeapRedo implements ResourceManagerRedo {

  private static final int INSERT_ALL_VISIBLE_CLEARED = 0x01;
  private static final int DELETE_ALL_VISIBLE_CLEARED = 0x01;
  private static final int DELETE_IS_SUPER = 0x08;
  private static final int DELETE_IS_PARTITION_MOVE = 0x10;
  private static final int UPDATE_OLD_ALL_VISIBLE_CLEARED = 0x01;
  private static final int UPDATE_NEW_ALL_VISIBLE_CLEARED = 0x02;
  private static final int UPDATE_PREFIX_FROM_OLD = 0x20;
  private static final int UPDATE_SUFFIX_FROM_OLD = 0x40;

  private static final int UPDATE_BYTES = 14;
  private static final int UPDATE_OLD_MAP_BLOCK_ID = 3;
  private static final int NO_TUPLE = -1;
  private static final int INVALID_BLOCK = 0xFFFF_FFFF;

  private final PageItems items;

  HeapRedo(PageItems items) {
    this.items = items;
  }

  @Override
  public RedoOutcome redo(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    int kind = record.info() & RecordKind.HEAP_OPERATION_MASK;
    if (record.isVisibilityMap()) {
      return clearVisibility(page, record, kind);
    }
    if (record.blockId() != 0 && kind != RecordKind.HEAP_UPDATE) {
      return RedoOutcome.UNKNOWN;
    }
    switch (kind) {
      case RecordKind.HEAP_INSERT -> insert(page, record);
      case RecordKind.HEAP_DELETE -> delete(page, record);
      case RecordKind.HEAP_UPDATE, RecordKind.HEAP_HOT_UPDATE -> {
        return update(page, record, kind == RecordKind.HEAP_HOT_UPDATE);
      }
      case RecordKind.HEAP_CONFIRM -> {
        int offsetNumber = u16(record.bytes(), record.main(2));
        int tuple = HeapTuples.find(page, offsetNumber);
        HeapTuple.setSuccessor(page, tuple, record.block(), offsetNumber);
      }
      case RecordKind.HEAP_LOCK -> lock(page, record);
      case RecordKind.HEAP_INPLACE -> inplace(page, record);
      case RecordKind.HEAP_TRUNCATE -> {
        return RedoOutcome.UNCHANGED;
      }
      default -> {
        return RedoOutcome.UNKNOWN;
      }
    }
    return RedoOutcome.CHANGED;
  }

  /** Of the map's page that the record has beside the heap's. */
  private static RedoOutcome clearVisibility(byte[] page, StoredRecord record, int kind)
      throws StorageException.Corrupt {
    return switch (kind) {
      case RecordKind.HEAP_INSERT, RecordKind.HEAP_DELETE ->
          HeapVisibility.clear(page, record.otherBlock(0), StoredValues.VM_ALL);
      case RecordKind.HEAP_LOCK ->
          HeapVisibility.clear(page, record.otherBlock(0), StoredValues.VM_ALL_FROZEN);
      case RecordKind.HEAP_UPDATE, RecordKind.HEAP_HOT_UPDATE -> clearOfUpdate(page, record);
      default -> RedoOutcome.UNKNOWN;
    };
  }

  /** Block 2 is the map's page for the new tuple, and for the old if it is there; 3 for the old. */
  private static RedoOutcome clearOfUpdate(byte[] page, StoredRecord record)
      throws StorageException.Corrupt {
    int newBlock = record.otherBlock(0);
    int oldBlock = record.hasOther(1) ? record.otherBlock(1) : newBlock;
    if (record.blockId() == UPDATE_OLD_MAP_BLOCK_ID) {
      return HeapVisibility.clear(page, oldBlock, StoredValues.VM_ALL);
    }
    int flags = u8(record.bytes(), record.main(UPDATE_BYTES) + 7);
    boolean clearsOld =
        (flags & UPDATE_OLD_ALL_VISIBLE_CLEARED) != 0
            && VisibilityMapPage.mapBlock(oldBlock) == VisibilityMapPage.mapBlock(newBlock);
    RedoOutcome ofOld =
        clearsOld
            ? HeapVisibility.clear(page, oldBlock, StoredValues.VM_ALL)
            : RedoOutcome.UNCHANGED;
    RedoOutcome ofNew = HeapVisibility.clear(page, newBlock, StoredValues.VM_ALL);
    return ofOld == RedoOutcome.CHANGED ? ofOld : ofNew;
  }

  /** Main data: offset number u16, flags u8. Block data: the tuple. */
  private void insert(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    int main = record.main(3);
    int flags = u8(record.bytes(), main + 2);
    if ((record.info() & RecordKind.HEAP_INIT_PAGE) != 0) {
      Page.init(page, 0);
    }
    int data = record.data(HeapTuples.LOGGED_HEADER_BYTES);
    HeapTuples.insert(items, page, u16(record.bytes(), main), record, data, record.dataLength());
    if ((flags & INSERT_ALL_VISIBLE_CLEARED) != 0) {
      Page.setFlag(page, Page.ALL_VISIBLE, false);
    }
  }

  /** Main data: xmax u32, offset number u16, infobits u8, flags u8. */
  private static void delete(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int main = record.main(8);
    int offsetNumber = u16(bytes, main + 4);
    int flags = u8(bytes, main + 7);
    int tuple = HeapTuples.find(page, offsetNumber);
    HeapTuples.setXmaxFlags(page, tuple, u8(bytes, main + 6));
    HeapTuples.setHotUpdated(page, tuple, false);
    if ((flags & DELETE_IS_SUPER) == 0) {
      HeapTuples.setXmax(page, tuple, record, main);
    } else {
      putI32(page, tuple + HeapTuple.XMIN_AT, 0);
    }
    HeapTuples.clearCommandId(page, tuple);
    HeapTuples.setPrunable(page, record.xid());
    if ((flags & DELETE_ALL_VISIBLE_CLEARED) != 0) {
      Page.setFlag(page, Page.ALL_VISIBLE, false);
    }
    if ((flags & DELETE_IS_PARTITION_MOVE) != 0) {
      HeapTuple.setSuccessor(page, tuple, INVALID_BLOCK, HeapTuple.MOVED_PARTITIONS_OFFSET);
    } else {
      HeapTuple.setSuccessor(page, tuple, record.block(), offsetNumber);
    }
  }

  /**
   * Main data: old xmax u32, old offset number u16, old infobits u8, flags u8, new xmax u32, new
   * offset number u16. Block 0 gets the new tuple and block 1 has the old one, which is in block 0
   * too if there is no block 1.
   */
  private RedoOutcome update(byte[] page, StoredRecord record, boolean hot)
      throws StorageException.Corrupt {
    return switch (record.blockId()) {
      case 0 -> {
        int old = record.hasOther(1) ? NO_TUPLE : updateOld(page, record, record.block(), hot);
        updateNew(page, record, old);
        yield RedoOutcome.CHANGED;
      }
      case 1 -> {
        updateOld(page, record, record.otherBlock(0), hot);
        yield RedoOutcome.CHANGED;
      }
      default -> RedoOutcome.UNKNOWN;
    };
  }

  /** Returns the old tuple's offset number. */
  private static int updateOld(byte[] page, StoredRecord record, int newBlock, boolean hot)
      throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int main = record.main(UPDATE_BYTES);
    int offsetNumber = u16(bytes, main + 4);
    int tuple = HeapTuples.find(page, offsetNumber);
    HeapTuples.setXmaxFlags(page, tuple, u8(bytes, main + 6));
    HeapTuples.setHotUpdated(page, tuple, hot);
    HeapTuples.setXmax(page, tuple, record, main);
    HeapTuples.clearCommandId(page, tuple);
    HeapTuple.setSuccessor(page, tuple, newBlock, u16(bytes, main + 12));
    HeapTuples.setPrunable(page, record.xid());
    if ((u8(bytes, main + 7) & UPDATE_OLD_ALL_VISIBLE_CLEARED) != 0) {
      Page.setFlag(page, Page.ALL_VISIBLE, false);
    }
    return offsetNumber;
  }

  /**
   * Block data: length of the prefix u16 and of the suffix u16, each only if it is taken from the
   * old tuple; the logged header; null bitmap and padding; the data between prefix and suffix.
   */
  private void updateNew(byte[] page, StoredRecord record, int oldOffsetNumber)
      throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int main = record.main(UPDATE_BYTES);
    int flags = u8(bytes, main + 7);
    if ((record.info() & RecordKind.HEAP_INIT_PAGE) != 0 && oldOffsetNumber == NO_TUPLE) {
      Page.init(page, 0);
    }
    int prefixFlag = flags & UPDATE_PREFIX_FROM_OLD;
    int suffixFlag = flags & UPDATE_SUFFIX_FROM_OLD;
    int lengths = (prefixFlag != 0 ? 2 : 0) + (suffixFlag != 0 ? 2 : 0);
    int data = record.data(lengths + HeapTuples.LOGGED_HEADER_BYTES);
    int prefix = prefixFlag != 0 ? u16(bytes, data) : 0;
    int suffix = suffixFlag != 0 ? u16(bytes, data + lengths - 2) : 0;
    int header = data + lengths;
    int body = header + HeapTuples.LOGGED_HEADER_BYTES;
    int bodyLength = record.dataEnd() - body;
    int headerLength = u8(bytes, header + 4);
    int tuple =
        HeapTuples.add(
            items,
            page,
            u16(bytes, main + 12),
            HeapTuple.HEADER_BYTES + bodyLength + prefix + suffix,
            record,
            u16(bytes, header),
            u16(bytes, header + 2),
            headerLength);
    HeapTuples.setXmax(page, tuple, record, main + 8);
    int to = tuple + HeapTuple.HEADER_BYTES;
    if (prefix + suffix == 0) {
      System.arraycopy(bytes, body, page, to, bodyLength);
    } else {
      int beforePrefix = prefix == 0 ? 0 : headerLength - HeapTuple.HEADER_BYTES;
      if (beforePrefix < 0 || beforePrefix > bodyLength) {
        throw new StorageException.Corrupt("tuple header of %d bytes".formatted(headerLength));
      }
      int prefixTo = to + beforePrefix;
      copyCommon(page, oldOffsetNumber, prefixTo, prefix, to + prefix + bodyLength, suffix);
      System.arraycopy(bytes, body, page, to, beforePrefix);
      System.arraycopy(
          bytes, body + beforePrefix, page, to + beforePrefix + prefix, bodyLength - beforePrefix);
    }
    if ((flags & UPDATE_NEW_ALL_VISIBLE_CLEARED) != 0) {
      Page.setFlag(page, Page.ALL_VISIBLE, false);
    }
  }

  /** Copies what the new tuple begins and ends with from the old one on the same page. */
  private static void copyCommon(
      byte[] page, int oldOffsetNumber, int prefixTo, int prefix, int suffixTo, int suffix)
      throws StorageException.Corrupt {
    int old = PageItems.normal(page, oldOffsetNumber, HeapTuple.HEADER_BYTES);
    int from = Page.itemOffset(old);
    int length = Page.itemLength(old);
    int headerLength = u8(page, from + HeapTuple.HEADER_LENGTH_AT);
    if (headerLength + prefix > length || headerLength + suffix > length) {
      throw new StorageException.Corrupt(
          "a tuple of %d bytes has no prefix of %d and suffix of %d"
              .formatted(length, prefix, suffix));
    }
    System.arraycopy(page, from + headerLength, page, prefixTo, prefix);
    System.arraycopy(page, from + length - suffix, page, suffixTo, suffix);
  }

  /** Main data: xid u32, offset number u16, infobits u8, flags u8. */
  private static void lock(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int main = record.main(8);
    int offsetNumber = u16(bytes, main + 4);
    int tuple = HeapTuples.find(page, offsetNumber);
    HeapTuples.setXmaxFlags(page, tuple, u8(bytes, main + 6));
    if (HeapTuples.isLockedOnly(page, tuple)) {
      HeapTuples.setHotUpdated(page, tuple, false);
      HeapTuple.setSuccessor(page, tuple, record.block(), offsetNumber);
    }
    HeapTuples.setXmax(page, tuple, record, main);
    HeapTuples.clearCommandId(page, tuple);
  }

  /** Main data: offset number u16. Block data: what follows the tuple's header. */
  private static void inplace(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    int offsetNumber = u16(record.bytes(), record.main(2));
    int linePointer = PageItems.normal(page, offsetNumber, HeapTuple.HEADER_BYTES);
    int tuple = Page.itemOffset(linePointer);
    int headerLength = u8(page, tuple + HeapTuple.HEADER_LENGTH_AT);
    int length = record.dataLength();
    if (Page.itemLength(linePointer) - headerLength != length) {
      throw new StorageException.Corrupt(
          "%d bytes for a tuple of %d with a header of %d"
              .formatted(length, Page.itemLength(linePointer), headerLength));
    }
    System.arraycopy(record.bytes(), record.data(0), page, tuple + headerLength, length);
  }
}
