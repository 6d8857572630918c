package io.coppice.postgres.redo;

import static io.coppice.postgres.bytes.LittleEndian.i32;
import static io.coppice.postgres.bytes.LittleEndian.u16;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.page.BrinPage;
import io.coppice.postgres.page.PageItems;
import io.coppice.postgres.record.RecordKind;

/** Redo of the resource manager BRIN ({@code brin_xlog.c}, {@code brin_xlog.h}). */
final class BrinRedo implements ResourceManagerRedo {
  private static final int CREATE_BYTES = 6;
  private static final int INSERT_BYTES = 10;
  private static final int INSERT_OF_UPDATE_AT = 4;
  private static final int SAMEPAGE_UPDATE_BYTES = 2;
  private static final int EXTEND_BYTES = 4;
  private static final int DESUMMARIZE_BYTES = 10;

  private final PageItems items;

  BrinRedo(PageItems items) {
    this.items = items;
  }

  @Override
  public RedoOutcome redo(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    int id = record.blockId();
    boolean known =
        switch (record.info() & RecordKind.BRIN_OPERATION_MASK) {
          case RecordKind.BRIN_CREATE_INDEX -> id == 0 && create(page, record);
          case RecordKind.BRIN_INSERT -> insert(page, record, 0);
          case RecordKind.BRIN_UPDATE ->
              id == 2 ? deleteOld(page, record) : insert(page, record, INSERT_OF_UPDATE_AT);
          case RecordKind.BRIN_SAMEPAGE_UPDATE -> id == 0 && update(page, record);
          case RecordKind.BRIN_REVMAP_EXTEND -> extend(page, record);
          case RecordKind.BRIN_DESUMMARIZE -> desummarize(page, record);
          default -> false;
        };
    return known ? RedoOutcome.CHANGED : RedoOutcome.UNKNOWN;
  }

  /** Main data: pages per range u32, version u16. */
  private static boolean create(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    int main = record.main(CREATE_BYTES);
    BrinPage.initMeta(page, i32(record.bytes(), main), u16(record.bytes(), main + 4));
    return true;
  }

  /**
   * Main data, from {@code skip} on: heap block, pages per range u32 each, offset number u16. Block
   * 0 gets the summary, which is its data, and 1 is the page of the map.
   */
  private boolean insert(byte[] page, StoredRecord record, int skip)
      throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int main = record.main(skip + INSERT_BYTES) + skip;
    int offsetNumber = u16(bytes, main + 8);
    switch (record.blockId()) {
      case 0 -> {
        if ((record.info() & RecordKind.BRIN_INIT_PAGE) != 0) {
          BrinPage.init(page, BrinPage.REGULAR);
        }
        BrinPage.check(page, BrinPage.REGULAR);
        items.addToUnusedInIndex(page, offsetNumber, bytes, record.data(0), record.dataLength());
      }
      case 1 -> {
        BrinPage.check(page, BrinPage.MAP);
        BrinPage.setSummary(
            page, i32(bytes, main + 4), i32(bytes, main), record.otherBlock(0), offsetNumber);
      }
      default -> {
        return false;
      }
    }
    return true;
  }

  /** Main data: offset number u16, then what is inserted elsewhere instead. */
  private static boolean deleteOld(byte[] page, StoredRecord record)
      throws StorageException.Corrupt {
    BrinPage.check(page, BrinPage.REGULAR);
    int main = record.main(INSERT_OF_UPDATE_AT + INSERT_BYTES);
    PageItems.deleteKeepingOffsets(page, u16(record.bytes(), main));
    return true;
  }

  /** Main data: offset number u16. Block data: the summary. */
  private static boolean update(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    BrinPage.check(page, BrinPage.REGULAR);
    byte[] bytes = record.bytes();
    int offsetNumber = u16(bytes, record.main(SAMEPAGE_UPDATE_BYTES));
    PageItems.overwriteInIndex(page, offsetNumber, bytes, record.data(0), record.dataLength());
    return true;
  }

  /** Main data: the new page of the map u32, which is block 1. Block 0 is the metapage. */
  private static boolean extend(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    int main = record.main(EXTEND_BYTES);
    switch (record.blockId()) {
      case 0 -> {
        BrinPage.check(page, BrinPage.META);
        BrinPage.setLastMapPage(page, i32(record.bytes(), main));
      }
      case 1 -> BrinPage.init(page, BrinPage.MAP);
      default -> {
        return false;
      }
    }
    return true;
  }

  /**
   * Main data: pages per range, heap block u32 each, offset number u16. Block 0 is the page of the
   * map, 1 the one that the summary is on.
   */
  private static boolean desummarize(byte[] page, StoredRecord record)
      throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int main = record.main(DESUMMARIZE_BYTES);
    switch (record.blockId()) {
      case 0 -> {
        BrinPage.check(page, BrinPage.MAP);
        BrinPage.clearSummary(page, i32(bytes, main), i32(bytes, main + 4));
      }
      case 1 -> {
        BrinPage.check(page, BrinPage.REGULAR);
        PageItems.deleteKeepingOffsets(page, u16(bytes, main + 8));
      }
      default -> {
        return false;
      }
    }
    return true;
  }
}
