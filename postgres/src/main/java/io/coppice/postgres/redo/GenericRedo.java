package io.coppice.postgres.redo;

import static io.coppice.postgres.bytes.LittleEndian.u16;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.page.Page;
import java.util.Arrays;

/** Redo of the resource manager Generic, which extensions use ({@code generic_xlog.c}). */
final class GenericRedo implements ResourceManagerRedo {
  private static final int PIECE_HEADER_BYTES = 4;

  /** Block data: pieces of the page, each: offset u16, length u16, bytes. */
  @Override
  public RedoOutcome redo(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int end = record.dataEnd();
    int at = record.data(0);
    while (at < end) {
      int length = at + PIECE_HEADER_BYTES <= end ? u16(bytes, at + 2) : Page.SIZE_BYTES;
      if (at + PIECE_HEADER_BYTES + length > end) {
        throw new StorageException.Corrupt("a piece of a generic change is cut off");
      }
      System.arraycopy(bytes, at + PIECE_HEADER_BYTES, page, u16(bytes, at), length);
      at += PIECE_HEADER_BYTES + length;
    }
    int lower = Page.lower(page);
    int upper = Page.upper(page);
    if (lower > upper || upper > Page.SIZE_BYTES) {
      throw new StorageException.Corrupt(
          "page header is damaged: lower %d, upper %d".formatted(lower, upper));
    }
    Arrays.fill(page, lower, upper, (byte) 0);
    return RedoOutcome.CHANGED;
  }
}
