package io.coppice.postgres.redo;

import static io.coppice.postgres.bytes.LittleEndian.i32;
import static io.coppice.postgres.bytes.LittleEndian.i64;
import static io.coppice.postgres.bytes.LittleEndian.u16;
import static io.coppice.postgres.bytes.LittleEndian.u8;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.page.HashMetaPage;
import io.coppice.postgres.page.HashPage;
import io.coppice.postgres.page.IndexTuple;
import io.coppice.postgres.page.PageItems;
import io.coppice.postgres.record.RecordKind;

/**
 * Redo of the resource manager Hash ({@code hash_xlog.c}, {@code hash_xlog.h}), the same from 14 to
 * 18.
 *
 * <p>Some records name the first page of a bucket only so that Postgres locks it: block 0 of those
 * that move or delete tuples elsewhere in the bucket stays as it is.
 */
final class HashRedo implements ResourceManagerRedo {

  private static final int SPLIT_UPDATE_MASKS = 0x01;
  private static final int SPLIT_UPDATE_SPLIT_POINT = 0x02;

  private static final int INIT_META_BYTES = 14;
  private static final int ADD_OVERFLOW_BYTES = 3;
  private static final int SPLIT_ALLOCATE_BYTES = 9;
  private static final int MOVE_BYTES = 3;
  private static final int SQUEEZE_BYTES = 12;
  private static final int DELETE_BYTES = 2;
  private static final int VACUUM_BYTES = 8;

  private final PageItems items;

  HashRedo(PageItems items) {
    this.items = items;
  }

  @Override
  public RedoOutcome redo(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    return switch (record.info()) {
      case RecordKind.HASH_INIT_META_PAGE -> initMeta(page, record);
      case RecordKind.HASH_INIT_BITMAP_PAGE -> initBitmap(page, record);
      case RecordKind.HASH_INSERT -> insert(page, record);
      case RecordKind.HASH_ADD_OVFL_PAGE -> addOverflow(page, record);
      case RecordKind.HASH_SPLIT_ALLOCATE_PAGE -> splitAllocate(page, record);
      case RecordKind.HASH_SPLIT_PAGE ->
          throw new StorageException.Corrupt("the record lacks the image that is all of it");
      case RecordKind.HASH_SPLIT_COMPLETE -> splitComplete(page, record);
      case RecordKind.HASH_MOVE_PAGE_CONTENTS -> move(page, record);
      case RecordKind.HASH_SQUEEZE_PAGE -> squeeze(page, record);
      case RecordKind.HASH_DELETE -> delete(page, record);
      case RecordKind.HASH_SPLIT_CLEANUP ->
          record.blockId() == 0
              ? clearFlag(page, HashPage.NEEDS_SPLIT_CLEANUP)
              : RedoOutcome.UNKNOWN;
      case RecordKind.HASH_UPDATE_META_PAGE -> updateMeta(page, record);
      case RecordKind.HASH_VACUUM_ONE_PAGE -> vacuum(page, record);
      default -> RedoOutcome.UNKNOWN;
    };
  }

  /** Main data: tuples f64, procedure u32, fill factor u16. */
  private static RedoOutcome initMeta(byte[] page, StoredRecord record)
      throws StorageException.Corrupt {
    if (record.blockId() != 0) {
      return RedoOutcome.UNKNOWN;
    }
    byte[] bytes = record.bytes();
    int main = record.main(INIT_META_BYTES);
    double tuples = Double.longBitsToDouble(i64(bytes, main));
    HashMetaPage.init(page, tuples, i32(bytes, main + 8), u16(bytes, main + 12));
    return RedoOutcome.CHANGED;
  }

  /** Main data: size of the bitmap u16. Block 0 is the bitmap, 1 the metapage. */
  private static RedoOutcome initBitmap(byte[] page, StoredRecord record)
      throws StorageException.Corrupt {
    switch (record.blockId()) {
      case 0 -> HashPage.initBitmap(page, u16(record.bytes(), record.main(2)));
      case 1 -> {
        HashMetaPage.check(page);
        // It comes after the metapage and the buckets, of which there are no others yet.
        HashMetaPage.addBitmap(page, HashMetaPage.lastBucket(page) + 2);
      }
      default -> {
        return RedoOutcome.UNKNOWN;
      }
    }
    return RedoOutcome.CHANGED;
  }

  /** Main data: offset number u16. Block 0 gets its data, a tuple; block 1 is the metapage. */
  private RedoOutcome insert(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    return switch (record.blockId()) {
      case 0 -> {
        HashPage.check(page);
        int offsetNumber = u16(record.bytes(), record.main(2));
        int tuple = record.data(0);
        int size = IndexTuple.size(record.bytes(), tuple, record.dataEnd());
        items.addToIndex(page, offsetNumber, record.bytes(), tuple, size);
        yield RedoOutcome.CHANGED;
      }
      case 1 -> addTuples(page, 1);
      default -> RedoOutcome.UNKNOWN;
    };
  }

  /** Changes how many tuples the metapage says there are. */
  private static RedoOutcome addTuples(byte[] page, int count) throws StorageException.Corrupt {
    HashMetaPage.check(page);
    HashMetaPage.setTuples(page, HashMetaPage.tuples(page) + count);
    return RedoOutcome.CHANGED;
  }

  /**
   * Main data: size of a bitmap u16, whether a free page was found u8. Block 0 is the new overflow
   * page and has its bucket u32; 1 the page before it; 2 the bitmap it was found in, and has its
   * bit u32; 3 a new bitmap; 4 the metapage, and has the first free bit u32. Block 2 or 3 may be
   * missing, or both.
   */
  private static RedoOutcome addOverflow(byte[] page, StoredRecord record)
      throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int main = record.main(ADD_OVERFLOW_BYTES);
    switch (record.blockId()) {
      case 0 -> {
        int bucket = i32(bytes, record.data(4));
        HashPage.init(page, record.otherBlock(1), HashPage.NONE, bucket, HashPage.OVERFLOW);
      }
      case 1 -> setNext(page, record.otherBlock(0));
      case 2 -> setInUse(page, record, true);
      case 3 -> HashPage.initBitmap(page, u16(bytes, main));
      case 4 -> {
        setFirstFree(page, record);
        boolean wasFound = u8(bytes, main + 2) != 0;
        if (!wasFound) {
          HashMetaPage.addSpare(page);
          if (record.hasOther(3)) {
            HashMetaPage.addBitmap(page, record.otherBlock(3));
            HashMetaPage.addSpare(page);
          }
        }
      }
      default -> {
        return RedoOutcome.UNKNOWN;
      }
    }
    return RedoOutcome.CHANGED;
  }

  private static void setNext(byte[] page, int block) throws StorageException.Corrupt {
    HashPage.check(page);
    HashPage.setNext(page, block);
  }

  /** Block data: the bit u32. */
  private static void setInUse(byte[] page, StoredRecord record, boolean inUse)
      throws StorageException.Corrupt {
    HashPage.check(page);
    HashPage.setInUse(page, i32(record.bytes(), record.data(4)), inUse);
  }

  /** Block data: the bit u32. */
  private static void setFirstFree(byte[] page, StoredRecord record)
      throws StorageException.Corrupt {
    HashMetaPage.check(page);
    HashMetaPage.setFirstFree(page, i32(record.bytes(), record.data(4)));
  }

  /**
   * Main data: the new bucket u32, flags of the old and of the new bucket u16 each, what else is
   * there u8. Block 0 is the old bucket, 1 the new one, 2 the metapage and has, each if the main
   * data says so: low and high mask u32; split point and its overflow pages u32.
   */
  private static RedoOutcome splitAllocate(byte[] page, StoredRecord record)
      throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int main = record.main(SPLIT_ALLOCATE_BYTES);
    int newBucket = i32(bytes, main);
    switch (record.blockId()) {
      case 0 -> {
        HashPage.check(page);
        HashPage.setFlags(page, u16(bytes, main + 4));
        HashPage.setPrevious(page, newBucket);
      }
      case 1 -> HashPage.init(page, newBucket, HashPage.NONE, newBucket, u16(bytes, main + 6));
      case 2 -> {
        HashMetaPage.check(page);
        HashMetaPage.setLastBucket(page, newBucket);
        int flags = u8(bytes, main + 8);
        int masksBytes = (flags & SPLIT_UPDATE_MASKS) != 0 ? 8 : 0;
        int splitPointBytes = (flags & SPLIT_UPDATE_SPLIT_POINT) != 0 ? 8 : 0;
        int data = record.data(masksBytes + splitPointBytes);
        if (masksBytes != 0) {
          HashMetaPage.setMasks(page, i32(bytes, data), i32(bytes, data + 4));
          data += masksBytes;
        }
        if (splitPointBytes != 0) {
          HashMetaPage.setSplitPoint(page, i32(bytes, data), i32(bytes, data + 4));
        }
      }
      default -> {
        return RedoOutcome.UNKNOWN;
      }
    }
    return RedoOutcome.CHANGED;
  }

  /** Main data: flags of block 0, the old bucket, and of block 1, the new one, u16 each. */
  private static RedoOutcome splitComplete(byte[] page, StoredRecord record)
      throws StorageException.Corrupt {
    if (record.blockId() > 1) {
      return RedoOutcome.UNKNOWN;
    }
    HashPage.check(page);
    HashPage.setFlags(page, u16(record.bytes(), record.main(4) + record.blockId() * 2));
    return RedoOutcome.CHANGED;
  }

  /**
   * Main data: number of tuples u16, whether they go to the first page of the bucket u8. Block 1
   * gets the tuples, block 2 loses them and has their offset numbers, u16 each.
   */
  private RedoOutcome move(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    int main = record.main(MOVE_BYTES);
    switch (record.blockId()) {
      case 0 -> {
        return RedoOutcome.UNCHANGED;
      }
      case 1 -> addMoved(page, record, u16(record.bytes(), main));
      case 2 -> deleteListed(page, record);
      default -> {
        return RedoOutcome.UNKNOWN;
      }
    }
    return RedoOutcome.CHANGED;
  }

  /** Block data: the offset numbers the tuples get, u16 each, then the tuples. */
  private void addMoved(byte[] page, StoredRecord record, int count)
      throws StorageException.Corrupt {
    HashPage.check(page);
    byte[] bytes = record.bytes();
    int offsetNumber = record.data(count * 2);
    int tuple = offsetNumber + count * 2;
    for (int i = 0; i < count; i++) {
      int size = IndexTuple.alignedSize(bytes, tuple, record.dataEnd());
      items.addToIndex(page, u16(bytes, offsetNumber), bytes, tuple, size);
      offsetNumber += 2;
      tuple += size;
    }
    if (tuple != record.dataEnd()) {
      throw new StorageException.Corrupt(
          "%d bytes after the %d tuples moved".formatted(record.dataEnd() - tuple, count));
    }
  }

  /** Block data: offset numbers of the tuples to delete, u16 each. */
  private void deleteListed(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    HashPage.check(page);
    items.deleteManyFromIndex(page, record.bytes(), record.data(0), record.dataLength() / 2);
  }

  /**
   * Main data: the blocks before and after the page that is freed u32 each, number of tuples u16,
   * whether these go to the first page of the bucket u8, and whether to the page before u8. Block 1
   * gets the tuples, 2 is freed, 3 is the page before it unless that is block 1, 4 the page after
   * it, 5 the bitmap and has its bit u32, 6 the metapage and has the first free bit u32.
   */
  private RedoOutcome squeeze(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int main = record.main(SQUEEZE_BYTES);
    int next = i32(bytes, main + 4);
    switch (record.blockId()) {
      case 0 -> {
        return RedoOutcome.UNCHANGED;
      }
      case 1 -> {
        int count = u16(bytes, main + 8);
        boolean isBefore = u8(bytes, main + 11) != 0;
        if (count == 0 && !isBefore) {
          // Here only to be locked. Up to 16, Postgres notes the record's LSN on it even so.
          return RedoOutcome.UNCHANGED;
        }
        addMoved(page, record, count);
        if (isBefore) {
          HashPage.setNext(page, next);
        }
      }
      case 2 -> HashPage.init(page, HashPage.NONE, HashPage.NONE, HashPage.NONE, HashPage.UNUSED);
      case 3 -> setNext(page, next);
      case 4 -> {
        HashPage.check(page);
        HashPage.setPrevious(page, i32(bytes, main));
      }
      case 5 -> setInUse(page, record, false);
      case 6 -> setFirstFree(page, record);
      default -> {
        return RedoOutcome.UNKNOWN;
      }
    }
    return RedoOutcome.CHANGED;
  }

  /**
   * Main data: whether no dead tuples are left u8, whether this is the first page of the bucket u8.
   * Block 1 is the page.
   */
  private RedoOutcome delete(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    int main = record.main(DELETE_BYTES);
    return switch (record.blockId()) {
      case 0 -> RedoOutcome.UNCHANGED;
      case 1 -> {
        deleteListed(page, record);
        boolean isClean = u8(record.bytes(), main) != 0;
        yield isClean ? clearFlag(page, HashPage.HAS_DEAD_TUPLES) : RedoOutcome.CHANGED;
      }
      default -> RedoOutcome.UNKNOWN;
    };
  }

  private static RedoOutcome clearFlag(byte[] page, int flag) throws StorageException.Corrupt {
    HashPage.check(page);
    HashPage.setFlags(page, HashPage.flags(page) & ~flag);
    return RedoOutcome.CHANGED;
  }

  /** Main data: number of tuples f64. */
  private static RedoOutcome updateMeta(byte[] page, StoredRecord record)
      throws StorageException.Corrupt {
    if (record.blockId() != 0) {
      return RedoOutcome.UNKNOWN;
    }
    HashMetaPage.check(page);
    HashMetaPage.setTuples(page, Double.longBitsToDouble(i64(record.bytes(), record.main(8))));
    return RedoOutcome.CHANGED;
  }

  /**
   * Main data: xid u32, number of tuples u16, and 16 bits more (in 14 and 15 the upper half of that
   * number, which is 0; later whether the table is a catalog u8, padding), then the offset numbers
   * of the tuples, u16 each. Block 0 is the page, 1 the metapage.
   */
  private RedoOutcome vacuum(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int count = u16(bytes, record.main(VACUUM_BYTES) + 4);
    return switch (record.blockId()) {
      case 0 -> {
        HashPage.check(page);
        int main = record.main(VACUUM_BYTES + count * 2);
        items.deleteManyFromIndex(page, bytes, main + VACUUM_BYTES, count);
        yield clearFlag(page, HashPage.HAS_DEAD_TUPLES);
      }
      case 1 -> addTuples(page, -count);
      default -> RedoOutcome.UNKNOWN;
    };
  }
}
