package io.coppice.postgres.redo;

import static io.coppice.postgres.bytes.LittleEndian.i32;
import static io.coppice.postgres.bytes.LittleEndian.putI32;
import static io.coppice.postgres.bytes.LittleEndian.putU16;
import static io.coppice.postgres.bytes.LittleEndian.u16;
import static io.coppice.postgres.bytes.LittleEndian.u8;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.page.HeapTuple;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.page.PageItems;
import java.util.Arrays;

/** What redo of both heap resource managers does to tuples on a page ({@code heapam.c}). */
final class HeapTuples {
  /** {@code SizeOfHeapHeader}: infomask2 u16, infomask u16, header length u8. */
  static final int LOGGED_HEADER_BYTES = 5;

  private static final int INFOBITS_XMAX_IS_MULTI = 0x01;
  private static final int INFOBITS_XMAX_LOCK_ONLY = 0x02;
  private static final int INFOBITS_XMAX_EXCL_LOCK = 0x04;
  private static final int INFOBITS_XMAX_KEYSHR_LOCK = 0x08;
  private static final int INFOBITS_KEYS_UPDATED = 0x10;

  private HeapTuples() {}

  /** Where the tuple of an offset number begins; it must be a live item of the page. */
  static int find(byte[] page, int offsetNumber) throws StorageException.Corrupt {
    return Page.itemOffset(PageItems.normal(page, offsetNumber, HeapTuple.HEADER_BYTES));
  }

  /**
   * Room for a tuple whose logged header stands at {@code loggedHeader}; all of its header is
   * written, its own position as its successor.
   *
   * @param size of the whole tuple with its header
   * @return where the tuple begins; what follows the 23 bytes of the header is for the caller
   */
  static int add(
      PageItems items,
      byte[] page,
      int offsetNumber,
      int size,
      StoredRecord record,
      int infomask2,
      int infomask,
      int headerLength)
      throws StorageException.Corrupt {
    int tuple = items.add(page, offsetNumber, size, true, Page.HEAP_TUPLES_MAX);
    Arrays.fill(page, tuple, tuple + HeapTuple.HEADER_BYTES, (byte) 0);
    putI32(page, tuple + HeapTuple.XMIN_AT, record.xid());
    HeapTuple.setSuccessor(page, tuple, record.block(), offsetNumber);
    putU16(page, tuple + HeapTuple.INFOMASK2_AT, infomask2);
    putU16(page, tuple + HeapTuple.INFOMASK_AT, infomask & ~HeapTuple.COMBOCID);
    page[tuple + HeapTuple.HEADER_LENGTH_AT] = (byte) headerLength;
    return tuple;
  }

  /** A tuple that stands whole in the record: its logged header, then all that follows. */
  static void insert(
      PageItems items, byte[] page, int offsetNumber, StoredRecord record, int at, int length)
      throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int bodyLength = length - LOGGED_HEADER_BYTES;
    int tuple =
        add(
            items,
            page,
            offsetNumber,
            HeapTuple.HEADER_BYTES + bodyLength,
            record,
            u16(bytes, at),
            u16(bytes, at + 2),
            u8(bytes, at + 4));
    System.arraycopy(
        bytes, at + LOGGED_HEADER_BYTES, page, tuple + HeapTuple.HEADER_BYTES, bodyLength);
  }

  /**
   * Replaces what the tuple's flags say about its deleter or locker, as logged ({@code
   * fix_infomask_from_infobits} and what its callers do before it).
   */
  static void setXmaxFlags(byte[] page, int tuple, int infobits) {
    int infomask =
        u16(page, tuple + HeapTuple.INFOMASK_AT) & ~(HeapTuple.XMAX_BITS | HeapTuple.MOVED);
    int infomask2 = u16(page, tuple + HeapTuple.INFOMASK2_AT) & ~HeapTuple.KEYS_UPDATED;
    infomask |= (infobits & INFOBITS_XMAX_IS_MULTI) != 0 ? HeapTuple.XMAX_IS_MULTI : 0;
    infomask |= (infobits & INFOBITS_XMAX_LOCK_ONLY) != 0 ? HeapTuple.XMAX_LOCK_ONLY : 0;
    infomask |= (infobits & INFOBITS_XMAX_EXCL_LOCK) != 0 ? HeapTuple.XMAX_EXCL_LOCK : 0;
    infomask |= (infobits & INFOBITS_XMAX_KEYSHR_LOCK) != 0 ? HeapTuple.XMAX_KEYSHR_LOCK : 0;
    infomask2 |= (infobits & INFOBITS_KEYS_UPDATED) != 0 ? HeapTuple.KEYS_UPDATED : 0;
    putU16(page, tuple + HeapTuple.INFOMASK_AT, infomask);
    putU16(page, tuple + HeapTuple.INFOMASK2_AT, infomask2);
  }

  static void setHotUpdated(byte[] page, int tuple, boolean on) {
    int infomask2 = u16(page, tuple + HeapTuple.INFOMASK2_AT);
    putU16(
        page,
        tuple + HeapTuple.INFOMASK2_AT,
        on ? infomask2 | HeapTuple.HOT_UPDATED : infomask2 & ~HeapTuple.HOT_UPDATED);
  }

  /** {@code HeapTupleHeaderSetCmax} with the first command. */
  static void clearCommandId(byte[] page, int tuple) {
    putI32(page, tuple + HeapTuple.COMMAND_AT, 0);
    putU16(
        page,
        tuple + HeapTuple.INFOMASK_AT,
        u16(page, tuple + HeapTuple.INFOMASK_AT) & ~HeapTuple.COMBOCID);
  }

  /** {@code PageSetPrunable}: the oldest transaction whose end may make tuples removable. */
  static void setPrunable(byte[] page, int xid) {
    int present = Page.pruneXid(page);
    if (present == 0 || xid - present < 0) {
      Page.setPruneXid(page, xid);
    }
  }

  /** {@code HEAP_XMAX_IS_LOCKED_ONLY}. */
  static boolean isLockedOnly(byte[] page, int tuple) {
    int infomask = u16(page, tuple + HeapTuple.INFOMASK_AT);
    int multiOrLock = HeapTuple.XMAX_IS_MULTI | HeapTuple.LOCK_MASK;
    return (infomask & HeapTuple.XMAX_LOCK_ONLY) != 0
        || (infomask & multiOrLock) == HeapTuple.XMAX_EXCL_LOCK;
  }

  static void setXmax(byte[] page, int tuple, StoredRecord record, int at) {
    putI32(page, tuple + HeapTuple.XMAX_AT, i32(record.bytes(), at));
  }
}
