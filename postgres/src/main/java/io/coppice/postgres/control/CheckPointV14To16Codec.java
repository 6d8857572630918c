package io.coppice.postgres.control;

import static io.coppice.postgres.bytes.LittleEndian.i32;
import static io.coppice.postgres.bytes.LittleEndian.i64;
import static io.coppice.postgres.bytes.LittleEndian.putI32;
import static io.coppice.postgres.bytes.LittleEndian.putI64;
import static io.coppice.postgres.bytes.LittleEndian.putU8;
import static io.coppice.postgres.bytes.LittleEndian.u8;

import io.coppice.common.id.Lsn;
import java.util.Arrays;

/**
 * The checkpoint struct of 14, 15 and 16.
 *
 * <pre>
 *  0      8          12              16                 17     24
 *  | redo | timeline | prev timeline | full page writes | -    | next full xid |
 *  32         36           40             44           48            52             56
 *  | next oid | next multi | next offset  | oldest xid | its db      | oldest multi | its db |
 *  60    64     72               76               80                 84   88
 *  | -   | time | oldest cts xid | newest cts xid | oldest active xid | - |
 * </pre>
 */
final class CheckPointV14To16Codec implements CheckPointCodec {
  static final CheckPointV14To16Codec INSTANCE = new CheckPointV14To16Codec();

  private static final int SIZE_BYTES = 88;
  private static final int REDO = 0;
  private static final int TIMELINE = 8;
  private static final int PREVIOUS_TIMELINE = 12;
  private static final int FULL_PAGE_WRITES = 16;
  private static final int NEXT_FULL_XID = 24;
  private static final int NEXT_OID = 32;
  private static final int NEXT_MULTI = 36;
  private static final int NEXT_MULTI_OFFSET = 40;
  private static final int OLDEST_XID = 44;
  private static final int OLDEST_XID_DB = 48;
  private static final int OLDEST_MULTI = 52;
  private static final int OLDEST_MULTI_DB = 56;
  private static final int TIME = 64;
  private static final int OLDEST_COMMIT_TS_XID = 72;
  private static final int NEWEST_COMMIT_TS_XID = 76;
  private static final int OLDEST_ACTIVE_XID = 80;

  private CheckPointV14To16Codec() {}

  @Override
  public int sizeBytes() {
    return SIZE_BYTES;
  }

  @Override
  public void read(CheckPoint into, byte[] bytes, int offset) {
    into.setRedo(new Lsn(i64(bytes, offset + REDO)))
        .setTimeline(i32(bytes, offset + TIMELINE))
        .setPreviousTimeline(i32(bytes, offset + PREVIOUS_TIMELINE))
        .setFullPageWrites(u8(bytes, offset + FULL_PAGE_WRITES) != 0)
        .setNextFullXid(i64(bytes, offset + NEXT_FULL_XID))
        .setNextOid(i32(bytes, offset + NEXT_OID))
        .setNextMulti(i32(bytes, offset + NEXT_MULTI))
        .setNextMultiOffset(i32(bytes, offset + NEXT_MULTI_OFFSET))
        .setOldestXid(i32(bytes, offset + OLDEST_XID))
        .setOldestXidDb(i32(bytes, offset + OLDEST_XID_DB))
        .setOldestMulti(i32(bytes, offset + OLDEST_MULTI))
        .setOldestMultiDb(i32(bytes, offset + OLDEST_MULTI_DB))
        .setTimeSeconds(i64(bytes, offset + TIME))
        .setOldestCommitTsXid(i32(bytes, offset + OLDEST_COMMIT_TS_XID))
        .setNewestCommitTsXid(i32(bytes, offset + NEWEST_COMMIT_TS_XID))
        .setOldestActiveXid(i32(bytes, offset + OLDEST_ACTIVE_XID));
  }

  @Override
  public void write(CheckPoint from, byte[] bytes, int offset) {
    Arrays.fill(bytes, offset, offset + SIZE_BYTES, (byte) 0);
    putI64(bytes, offset + REDO, from.redo().value());
    putI32(bytes, offset + TIMELINE, from.timeline());
    putI32(bytes, offset + PREVIOUS_TIMELINE, from.previousTimeline());
    putU8(bytes, offset + FULL_PAGE_WRITES, from.fullPageWrites() ? 1 : 0);
    putI64(bytes, offset + NEXT_FULL_XID, from.nextFullXid());
    putI32(bytes, offset + NEXT_OID, from.nextOid());
    putI32(bytes, offset + NEXT_MULTI, from.nextMulti());
    putI32(bytes, offset + NEXT_MULTI_OFFSET, from.nextMultiOffset());
    putI32(bytes, offset + OLDEST_XID, from.oldestXid());
    putI32(bytes, offset + OLDEST_XID_DB, from.oldestXidDb());
    putI32(bytes, offset + OLDEST_MULTI, from.oldestMulti());
    putI32(bytes, offset + OLDEST_MULTI_DB, from.oldestMultiDb());
    putI64(bytes, offset + TIME, from.timeSeconds());
    putI32(bytes, offset + OLDEST_COMMIT_TS_XID, from.oldestCommitTsXid());
    putI32(bytes, offset + NEWEST_COMMIT_TS_XID, from.newestCommitTsXid());
    putI32(bytes, offset + OLDEST_ACTIVE_XID, from.oldestActiveXid());
  }
}
