package io.coppice.postgres.redo;

import static io.coppice.postgres.bytes.LittleEndian.putI32;
import static io.coppice.postgres.bytes.LittleEndian.putU16;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.page.HeapTuple;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.page.PageItems;

/** Redo of what pruning and vacuum log of a heap page, which each few majors lay out anew. */
interface HeapPruning {
  int FREEZE_XVAC = 0x02;
  int INVALID_XVAC = 0x04;
  int FROZEN_XID = 2;

  /** Applies the record to its heap page, or returns false if its kind is none of these. */
  boolean redo(int kind, byte[] page, StoredRecord record) throws StorageException.Corrupt;

  /** What becomes of a line pointer. */
  static void set(byte[] page, int offsetNumber, int linePointer) throws StorageException.Corrupt {
    PageItems.existing(page, offsetNumber);
    Page.setLinePointer(page, offsetNumber, linePointer);
  }

  static void setRedirected(byte[] page, int offsetNumber, int to) throws StorageException.Corrupt {
    set(page, offsetNumber, Page.packLinePointer(to, Page.LP_REDIRECT, 0));
  }

  static void setDead(byte[] page, int offsetNumber) throws StorageException.Corrupt {
    set(page, offsetNumber, Page.packLinePointer(0, Page.LP_DEAD, 0));
  }

  static void setUnused(byte[] page, int offsetNumber) throws StorageException.Corrupt {
    set(page, offsetNumber, 0);
  }

  /** {@code heap_execute_freeze_tuple}. */
  static void freeze(
      byte[] page, int offsetNumber, int xmax, int infomask2, int infomask, int flags)
      throws StorageException.Corrupt {
    int tuple = HeapTuples.find(page, offsetNumber);
    putI32(page, tuple + HeapTuple.XMAX_AT, xmax);
    if ((flags & FREEZE_XVAC) != 0) {
      putI32(page, tuple + HeapTuple.COMMAND_AT, FROZEN_XID);
    }
    if ((flags & INVALID_XVAC) != 0) {
      putI32(page, tuple + HeapTuple.COMMAND_AT, 0);
    }
    putU16(page, tuple + HeapTuple.INFOMASK_AT, infomask);
    putU16(page, tuple + HeapTuple.INFOMASK2_AT, infomask2);
  }
}
