package io.coppice.postgres.record;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Fork;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.postgres.bytes.LittleEndian;
import io.coppice.postgres.wal.WalRecord;
import java.nio.charset.StandardCharsets;

/** Reads a record's main data from front to back; never past its end. */
final class MainData {
  private final WalRecord record;
  private final int start;
  private final int end;
  private int position;

  MainData(WalRecord record) {
    this.record = record;
    this.start = record.mainDataOffset();
    this.position = start;
    this.end = start + record.mainDataLength();
  }

  byte[] bytes() {
    return record.bytes();
  }

  /** Offset of the next byte in {@link #bytes}. */
  int position() {
    return position;
  }

  int remaining() {
    return end - position;
  }

  int u8() throws StorageException.Corrupt {
    return LittleEndian.u8(record.bytes(), take(1));
  }

  boolean bool() throws StorageException.Corrupt {
    return u8() != 0;
  }

  int u16() throws StorageException.Corrupt {
    return LittleEndian.u16(record.bytes(), take(2));
  }

  int i32() throws StorageException.Corrupt {
    return LittleEndian.i32(record.bytes(), take(4));
  }

  long i64() throws StorageException.Corrupt {
    return LittleEndian.i64(record.bytes(), take(8));
  }

  Lsn lsn() throws StorageException.Corrupt {
    return new Lsn(i64());
  }

  /** Tablespace, database and relation, as the main fork. */
  RelationTag relation() throws StorageException.Corrupt {
    return relationAt(record.bytes(), take(RELATION_BYTES));
  }

  static final int RELATION_BYTES = 12;

  static RelationTag relationAt(byte[] bytes, int offset) {
    return new RelationTag(
        LittleEndian.i32(bytes, offset),
        LittleEndian.i32(bytes, offset + 4),
        LittleEndian.i32(bytes, offset + 8),
        Fork.MAIN.number());
  }

  void skip(int count) throws StorageException.Corrupt {
    take(count);
  }

  /** Moves to the next multiple of that size, counted from the start of the main data. */
  void align(int sizeBytes) throws StorageException.Corrupt {
    int past = (position - start) % sizeBytes;
    if (past != 0) {
      take(sizeBytes - past);
    }
  }

  /** Reads the number of items that follow, which must be there in full. */
  int count(int itemBytes) throws StorageException.Corrupt {
    return checkCount(i32(), itemBytes);
  }

  int checkCount(int count, int itemBytes) throws StorageException.Corrupt {
    if (count < 0 || (long) count * itemBytes > remaining()) {
      throw corrupt(
          "%d items of %d bytes".formatted(count, itemBytes), remaining() + " bytes left");
    }
    return count;
  }

  /** Offset of that many bytes, which are passed over. */
  int take(int count) throws StorageException.Corrupt {
    if (count < 0 || end - position < count) {
      throw corrupt(count + " more bytes", (end - position) + " bytes left");
    }
    int at = position;
    position += count;
    return at;
  }

  /** Text up to a zero byte, which is passed over. */
  String text(int lengthMax) throws StorageException.Corrupt {
    int from = position;
    while (u8() != 0) {
      if (position - from > lengthMax) {
        throw corrupt("text of at most " + lengthMax + " bytes", "a longer one");
      }
    }
    return new String(bytes(), from, position - 1 - from, StandardCharsets.UTF_8);
  }

  StorageException.Corrupt corrupt(String expected, String actual) {
    return new StorageException.Corrupt(
        "%s at %s: main data at byte %d: expected %s, got %s"
            .formatted(RecordNames.of(record), record.start(), position - start, expected, actual));
  }

  /** For a kind of record that does not exist in this version. */
  static StorageException.Unsupported unknownKind(WalRecord record) {
    return new StorageException.Unsupported(
        "WAL record at %s: unknown kind %s".formatted(record.start(), RecordNames.of(record)));
  }
}
