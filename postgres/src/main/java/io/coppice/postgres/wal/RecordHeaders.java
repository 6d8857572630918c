package io.coppice.postgres.wal;

import static io.coppice.postgres.bytes.LittleEndian.i32;
import static io.coppice.postgres.bytes.LittleEndian.u16;
import static io.coppice.postgres.bytes.LittleEndian.u8;
import static io.coppice.postgres.version.PostgresVersion.PAGE_SIZE_BYTES;
import static io.coppice.postgres.wal.WalRecord.BLOCK_HAS_DATA;
import static io.coppice.postgres.wal.WalRecord.BLOCK_HAS_IMAGE;
import static io.coppice.postgres.wal.WalRecord.BLOCK_SAME_RELATION;
import static io.coppice.postgres.wal.WalRecord.IMAGE_APPLY;
import static io.coppice.postgres.wal.WalRecord.IMAGE_COMPRESSED_MASK;
import static io.coppice.postgres.wal.WalRecord.IMAGE_COMPRESSED_PGLZ;
import static io.coppice.postgres.wal.WalRecord.IMAGE_HAS_HOLE;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Fork;
import io.coppice.common.id.Lsn;
import io.coppice.postgres.version.PostgresVersion;

/**
 * Reads the headers between a record's fixed header and its data (PostgreSQL's {@code
 * xlogrecord.h}). An image's info byte is as of 15 and later; {@link #ofV14} makes it of 14's.
 *
 * <pre>
 * block    | id 0..32 | fork and flags | data length (2) |
 *            if image:        | image length (2) | hole offset (2) | info |
 *            if hole and compressed:              | hole length (2) |
 *            unless same relation as before:      | tablespace | database | relation |
 *          | block number |
 * origin   | 253 | id (2) |
 * top xid  | 252 | xid |
 * main     | 255 | length (1) |    or    | 254 | length (4) |    always the last
 * </pre>
 *
 * Behind them lie, block by block, image and data, then the main data.
 */
final class RecordHeaders {
  private static final int TABLESPACE_TO_RELATION_BYTES = 12;

  private RecordHeaders() {}

  static void parse(WalRecord record) throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int position = record.offset() + WalLayout.RECORD_HEADER_BYTES;
    int end = record.offset() + record.length();
    record.mainDataLength = 0;
    record.originId = WalRecord.NO_ORIGIN;
    record.topLevelXid = 0;
    record.blockCount = 0;
    record.blocksPresent = 0;

    int relationOf = -1;
    long dataBytes = 0;
    boolean mainDataSeen = false;
    while (!mainDataSeen && end - position > dataBytes) {
      int id = u8(bytes, position);
      if (id <= WalLayout.BLOCK_ID_MAX) {
        position = block(record, id, relationOf, position, end);
        relationOf = id;
        dataBytes += record.blockDataLength[id] + record.blockImageLength[id];
      } else if (id == WalLayout.ID_DATA_SHORT) {
        need(record, position, 2, end);
        record.mainDataLength = u8(bytes, position + 1);
        position += 2;
        mainDataSeen = true;
      } else if (id == WalLayout.ID_DATA_LONG) {
        need(record, position, 5, end);
        record.mainDataLength = i32(bytes, position + 1);
        position += 5;
        mainDataSeen = true;
      } else if (id == WalLayout.ID_ORIGIN) {
        need(record, position, 3, end);
        record.originId = u16(bytes, position + 1);
        position += 3;
      } else if (id == WalLayout.ID_TOP_LEVEL_XID) {
        need(record, position, 5, end);
        record.topLevelXid = i32(bytes, position + 1);
        position += 5;
      } else {
        throw corrupt(record, "block id", "at most " + WalLayout.BLOCK_ID_MAX, id);
      }
    }
    dataBytes += Integer.toUnsignedLong(record.mainDataLength);
    if (end - position != dataBytes) {
      throw corrupt(record, "bytes of data", Long.toString(dataBytes), end - position);
    }
    place(record, position);
  }

  /** Gives each block's image and data, and the main data, its place. */
  private static void place(WalRecord record, int dataStart) {
    int position = dataStart;
    for (int id = 0; id < record.blockCount; id++) {
      if ((record.blocksPresent >>> id & 1) != 0) {
        record.blockImageOffset[id] = position;
        position += record.blockImageLength[id];
        record.blockDataOffset[id] = position;
        position += record.blockDataLength[id];
      }
    }
    record.mainDataOffset = position;
  }

  private static int block(WalRecord record, int id, int relationOf, int from, int end)
      throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    if (id < record.blockCount) {
      throw corrupt(record, "block id out of order", "at least " + record.blockCount, id);
    }
    need(record, from, 4, end);
    int flags = u8(bytes, from + 1);
    int dataLength = u16(bytes, from + 2);
    int position = from + 4;
    if ((flags & WalRecord.BLOCK_FORK_MASK) > Fork.INIT.number()) {
      throw corrupt(record, "fork of block " + id, "0 to 3", flags & WalRecord.BLOCK_FORK_MASK);
    }
    if (((flags & BLOCK_HAS_DATA) != 0) != (dataLength != 0)) {
      throw corrupt(
          record,
          "data length of block " + id,
          (flags & BLOCK_HAS_DATA) != 0 ? "more than 0" : "0",
          dataLength);
    }
    record.blockFlags[id] = flags;
    record.blockDataLength[id] = dataLength;
    if ((flags & BLOCK_HAS_IMAGE) != 0) {
      position = image(record, id, position, end);
    } else {
      record.blockImageInfo[id] = 0;
      record.blockImageLength[id] = 0;
      record.blockHoleOffset[id] = 0;
      record.blockHoleLength[id] = 0;
    }
    if ((flags & BLOCK_SAME_RELATION) == 0) {
      need(record, position, TABLESPACE_TO_RELATION_BYTES, end);
      record.blockSpc[id] = i32(bytes, position);
      record.blockDb[id] = i32(bytes, position + 4);
      record.blockRel[id] = i32(bytes, position + 8);
      position += TABLESPACE_TO_RELATION_BYTES;
    } else if (relationOf >= 0) {
      record.blockSpc[id] = record.blockSpc[relationOf];
      record.blockDb[id] = record.blockDb[relationOf];
      record.blockRel[id] = record.blockRel[relationOf];
    } else {
      throw corrupt(record, "relation of the first block", "given", "same as before");
    }
    need(record, position, 4, end);
    record.blockNumber[id] = i32(bytes, position);
    record.blocksPresent |= 1L << id;
    record.blockCount = id + 1;
    return position + 4;
  }

  private static int image(WalRecord record, int id, int from, int end)
      throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    need(record, from, 5, end);
    int position = from + 5;
    int imageLength = u16(bytes, from);
    int holeOffset = u16(bytes, from + 2);
    int info = imageInfo(record.version(), u8(bytes, from + 4));
    boolean hasHole = (info & IMAGE_HAS_HOLE) != 0;
    boolean compressed = (info & IMAGE_COMPRESSED_MASK) != 0;
    int holeLength;
    if (!compressed) {
      holeLength = PAGE_SIZE_BYTES - imageLength;
    } else if (hasHole) {
      need(record, position, 2, end);
      holeLength = u16(bytes, position);
      position += 2;
    } else {
      holeLength = 0;
    }
    boolean holeFits =
        hasHole
            ? holeOffset > 0 && holeLength > 0 && holeOffset + holeLength <= PAGE_SIZE_BYTES
            : holeOffset == 0 && holeLength == 0;
    if (!holeFits || imageLength > PAGE_SIZE_BYTES) {
      throw corrupt(
          record,
          "image of block " + id,
          "image and hole that make a page",
          "image of %d bytes, info 0x%02X, hole of %d at %d"
              .formatted(imageLength, info, holeLength, holeOffset));
    }
    if (compressed && imageLength == PAGE_SIZE_BYTES) {
      throw corrupt(record, "compressed image of block " + id, "less than a page", imageLength);
    }
    record.blockImageInfo[id] = info;
    record.blockImageLength[id] = imageLength;
    record.blockHoleOffset[id] = holeOffset;
    record.blockHoleLength[id] = holeLength;
    return position;
  }

  private static int imageInfo(PostgresVersion version, int info) {
    return switch (version) {
      case V14 -> ofV14(info);
      case V15, V16, V17, V18 -> info;
    };
  }

  /** 14 has 0x02 for compressed, by pglz alone, and 0x04 for an image that redo takes. */
  private static int ofV14(int info) {
    return (info & IMAGE_HAS_HOLE)
        | ((info & 0x02) != 0 ? IMAGE_COMPRESSED_PGLZ : 0)
        | ((info & 0x04) != 0 ? IMAGE_APPLY : 0);
  }

  private static void need(WalRecord record, int position, int count, int end)
      throws StorageException.Corrupt {
    if (end - position < count) {
      throw corrupt(record, "bytes of headers", "at least " + count + " more", end - position);
    }
  }

  private static StorageException.Corrupt corrupt(
      WalRecord record, String what, String expected, Object actual) {
    return new StorageException.Corrupt(
        "WAL record at %s (resource manager %d, info 0x%02X): %s: expected %s, got %s"
            .formatted(
                new Lsn(record.startValue()),
                record.resourceManager(),
                record.info(),
                what,
                expected,
                actual));
  }
}
