package io.coppice.postgres.redo;

import static io.coppice.postgres.bytes.LittleEndian.i32;
import static io.coppice.postgres.bytes.LittleEndian.u16;
import static io.coppice.postgres.bytes.LittleEndian.u8;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Fork;
import io.coppice.common.id.Lsn;

/**
 * A stored record as redo sees it: a reusable view over the value's bytes. {@link StoredValues} has
 * the layout.
 */
final class StoredRecord {
  static final int HEADER_BYTES = 16;
  static final int SAME_RELATION = 0x80;
  private static final int FORK_MASK = 0x0F;
  static final int OTHER_BYTES = 6;
  static final int OTHER_RELATION_BYTES = 12;

  /** {@code XLR_INFO_MASK}: the part of the info byte that is not the resource manager's. */
  private static final int INFO_MASK = 0x0F;

  private byte[] bytes = new byte[0];
  private int start;
  private int others;
  private int block;
  private Lsn lsn = Lsn.INVALID;
  private int mainOffset;
  private int mainLength;
  private int dataOffset;
  private int dataLength;

  /**
   * Points this view at a value of kind RECORD or RECORD_WILL_INIT.
   *
   * @param end the end of the record
   */
  void read(byte[] value, int offset, int length, int targetBlock, Lsn end)
      throws StorageException.Corrupt {
    if (length < HEADER_BYTES) {
      throw new StorageException.Corrupt("a stored record of %d bytes".formatted(length));
    }
    bytes = value;
    start = offset;
    block = targetBlock;
    lsn = end;
    others = u8(value, offset + 9);
    dataLength = u16(value, offset + 10);
    mainLength = i32(value, offset + 12);
    int at = offset + HEADER_BYTES;
    for (int i = 0; i < others; i++) {
      at += otherSize(at);
    }
    mainOffset = at;
    dataOffset = at + mainLength;
    if (mainLength < 0 || dataOffset + dataLength != offset + length) {
      throw new StorageException.Corrupt(
          "a stored record of %d bytes says it has %d of main data and %d for its block"
              .formatted(length, mainLength, dataLength));
    }
  }

  private int otherSize(int at) {
    return (u8(bytes, at + 1) & SAME_RELATION) != 0
        ? OTHER_BYTES
        : OTHER_BYTES + OTHER_RELATION_BYTES;
  }

  /** The array that all offsets index. */
  byte[] bytes() {
    return bytes;
  }

  int resourceManager() {
    return u8(bytes, start + 1);
  }

  /** The resource manager's part of the info byte: what kind of record it is. */
  int info() {
    return u8(bytes, start + 2) & ~INFO_MASK;
  }

  /** Which of the record's blocks this value is for. */
  int blockId() {
    return u8(bytes, start + 3);
  }

  /** Whether this value is for a page of a relation's visibility map. */
  boolean isVisibilityMap() {
    return (u8(bytes, start + 8) & FORK_MASK) == Fork.VM.number();
  }

  int xid() {
    return i32(bytes, start + 4);
  }

  /** The end of the record, which is the LSN of the pages it changed. */
  Lsn lsn() {
    return lsn;
  }

  /** Number of the block that this value is for. */
  int block() {
    return block;
  }

  boolean hasOther(int blockId) {
    return findOther(blockId) >= 0;
  }

  /** Number of another of the record's blocks. */
  int otherBlock(int blockId) throws StorageException.Corrupt {
    int at = findOther(blockId);
    if (at < 0) {
      throw new StorageException.Corrupt("the record has no block %d".formatted(blockId));
    }
    return i32(bytes, at + 2);
  }

  /** Number of one of the record's blocks, be it this value's or another. */
  int anyBlock(int blockId) throws StorageException.Corrupt {
    return blockId == blockId() ? block : otherBlock(blockId);
  }

  private int findOther(int blockId) {
    int at = start + HEADER_BYTES;
    for (int i = 0; i < others; i++) {
      if (u8(bytes, at) == blockId) {
        return at;
      }
      at += otherSize(at);
    }
    return -1;
  }

  /** Where the main data begins, of which there must be at least so much. */
  int main(int lengthMin) throws StorageException.Corrupt {
    if (mainLength < lengthMin) {
      throw new StorageException.Corrupt(
          "the record has %d bytes of main data, not %d".formatted(mainLength, lengthMin));
    }
    return mainOffset;
  }

  int mainLength() {
    return mainLength;
  }

  int mainEnd() {
    return mainOffset + mainLength;
  }

  /** Where the block's data begins, of which there must be at least so much. */
  int data(int lengthMin) throws StorageException.Corrupt {
    if (dataLength < lengthMin) {
      throw new StorageException.Corrupt(
          "the record has %d bytes of data for the block, not %d".formatted(dataLength, lengthMin));
    }
    return dataOffset;
  }

  int dataLength() {
    return dataLength;
  }

  int dataEnd() {
    return dataOffset + dataLength;
  }
}
