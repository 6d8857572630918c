package io.coppice.postgres.redo;

import io.coppice.common.error.StorageException;

/** What a stored value is: its first byte. {@link StoredValues} has the layouts. */
public enum ValueKind {
  /** The value itself: a page, or anything else that is kept under a key. */
  IMAGE(0, true),
  /** A full-page image as it stands in WAL: without its hole, maybe compressed. */
  FULL_PAGE_IMAGE(1, true),
  /** A WAL record, trimmed to one of its blocks, that changes the page it finds. */
  RECORD(2, false),
  /** The same, but the page is made anew: what it was before does not matter. */
  RECORD_WILL_INIT(3, true),
  /** Heap blocks whose bits in this page of a visibility map are cleared. */
  CLEAR_VM_BITS(4, false),
  /** The heap was cut: bits past its new end are cleared. */
  TRUNCATE_VM(5, false),
  /** The end of transactions whose status is on this page of the commit log. */
  XACT_STATUS(6, false),
  /** Where the members of multixacts begin. */
  MULTIXACT_OFFSET(7, false),
  /** Members of a multixact. */
  MULTIXACT_MEMBERS(8, false),
  /** A page of zeros. */
  ZERO_PAGE(9, true),
  /**
   * A full-page image as it stands in WAL, of the left page of a GiST split that the record ends:
   * this is yet to be done to the page.
   */
  GIST_SPLIT_END_IMAGE(10, true);

  private static final ValueKind[] BY_CODE = values();

  private final int code;
  private final boolean complete;

  ValueKind(int code, boolean complete) {
    this.code = code;
    this.complete = complete;
  }

  /** The first byte of a value of this kind. */
  public int code() {
    return code;
  }

  /** Whether such a value makes the page by itself: nothing older is needed. */
  public boolean isComplete() {
    return complete;
  }

  /** The kind that a stored first byte stands for. */
  public static ValueKind of(byte code) throws StorageException.Corrupt {
    int index = code & 0xFF;
    if (index >= BY_CODE.length) {
      throw new StorageException.Corrupt(
          "a stored value is of kind %d; kinds are 0 to %d".formatted(index, BY_CODE.length - 1));
    }
    return BY_CODE[index];
  }
}
