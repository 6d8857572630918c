package io.coppice.postgres.redo;

import io.coppice.common.error.Invariant;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.record.ResourceManager;
import io.coppice.postgres.wal.WalRecord;

/**
 * The encoding of values as they are kept under keys: the first byte is a {@link ValueKind}, the
 * rest depends on it. Numbers are little endian. {@link PageRedo} reads what is written here.
 *
 * <pre>
 *  IMAGE              kind | the bytes
 *
 *                     0      1      2             4             6
 *  FULL_PAGE_IMAGE    kind | info | hole offset | hole length | image as in WAL
 *  GIST_SPLIT_END_IMAGE      u8     u16           u16           (info: bimg_info of the WAL record)
 *
 *                     0      1      2      3          4     8            9        10         12
 *  RECORD             kind | rmid | info | block id | xid | fork flags | others | data len | main len |
 *  RECORD_WILL_INIT          u8     u8     u8         u32   u8           u8       u16        u32
 *                     16: others x { block id u8 | fork flags u8 | block u32 [ spc db rel u32 ] }
 *                     then the record's main data, then the data of this value's block
 *
 *  CLEAR_VM_BITS      kind | bits u8 | heap blocks, u32 each
 *  TRUNCATE_VM        kind | blocks that are left of the heap u32
 *  XACT_STATUS        kind | status u8 | xids, u32 each
 *  MULTIXACT_OFFSET   kind | multixact u32 | its offset and those of the ones after it, u32 each
 *  MULTIXACT_MEMBERS  kind | first offset u32 | members: xid u32, status u8
 *  ZERO_PAGE          kind
 * </pre>
 *
 * A record is trimmed to one block: its own data and, of the record's other blocks, only where they
 * are. <em>Fork flags</em> are as in WAL (fork number in the low four bits, HAS_IMAGE 0x10,
 * HAS_DATA 0x20, WILL_INIT 0x40); the top bit, SAME_REL, says of another block that tablespace,
 * database and relation are those of this value's block, and are left out. A value does not say
 * which block it is for: its key does.
 */
public final class StoredValues {
  /** {@code VISIBILITYMAP_ALL_VISIBLE}. */
  public static final int VM_ALL_VISIBLE = 0x01;

  /** {@code VISIBILITYMAP_ALL_FROZEN}. */
  public static final int VM_ALL_FROZEN = 0x02;

  /** Both bits. */
  public static final int VM_ALL = VM_ALL_VISIBLE | VM_ALL_FROZEN;

  /** {@code TRANSACTION_STATUS_COMMITTED}. */
  public static final int XACT_COMMITTED = 1;

  /** {@code TRANSACTION_STATUS_ABORTED}. */
  public static final int XACT_ABORTED = 2;

  /** {@code TRANSACTION_STATUS_SUB_COMMITTED}. */
  public static final int XACT_SUB_COMMITTED = 3;

  /** Of a full-page image, behind the kind. */
  static final int IMAGE_HEADER_BYTES = 5;

  private StoredValues() {}

  /** Whether a page, or any value, can be made of this value alone. */
  public static boolean isComplete(byte[] value, int offset, int length) {
    if (length == 0) {
      return true;
    }
    return switch (value[offset]) {
      case 0, 1, 3, 9, 10 -> true;
      default -> false;
    };
  }

  public static void encodeImage(ByteSink to, byte[] bytes, int offset, int length) {
    start(to, ValueKind.IMAGE).put(bytes, offset, length);
  }

  public static void encodeZeroPage(ByteSink to) {
    start(to, ValueKind.ZERO_PAGE);
  }

  /** One heap block's bits are cleared; {@code bits} of {@link #VM_ALL_VISIBLE} and the like. */
  public static void encodeClearVmBits(ByteSink to, int bits, int heapBlock) {
    start(to, ValueKind.CLEAR_VM_BITS).put8(bits).put32(heapBlock);
  }

  /** Two heap blocks that lie on the same page of the map. */
  public static void encodeClearVmBits(ByteSink to, int bits, int heapBlock, int otherHeapBlock) {
    encodeClearVmBits(to, bits, heapBlock);
    to.put32(otherHeapBlock);
  }

  /**
   * The heap was cut to that many blocks. For the page of the map that holds the first block that
   * is gone; none is needed if that is the first block of its page.
   */
  public static void encodeTruncateVm(ByteSink to, int heapBlocksLeft) {
    start(to, ValueKind.TRUNCATE_VM).put32(heapBlocksLeft);
  }

  /** These transactions, all on the same page of the commit log, ended so. */
  public static void encodeXactStatus(ByteSink to, int status, int[] xids, int from, int count) {
    start(to, ValueKind.XACT_STATUS).put8(status);
    for (int i = 0; i < count; i++) {
      to.put32(xids[from + i]);
    }
  }

  public static void encodeMultixactOffset(ByteSink to, int multixact, int memberOffset) {
    start(to, ValueKind.MULTIXACT_OFFSET).put32(multixact).put32(memberOffset);
  }

  /** Also sets where the next multixact begins, which must be on the same page. */
  public static void encodeMultixactOffset(
      ByteSink to, int multixact, int memberOffset, int nextMemberOffset) {
    encodeMultixactOffset(to, multixact, memberOffset);
    to.put32(nextMemberOffset);
  }

  /**
   * Begins a run of members, all on one page, the first of them at that offset. Each is then added
   * with {@link #addMultixactMember}.
   */
  public static void startMultixactMembers(ByteSink to, int firstMemberOffset) {
    start(to, ValueKind.MULTIXACT_MEMBERS).put32(firstMemberOffset);
  }

  public static void addMultixactMember(ByteSink to, int xid, int status) {
    to.put32(xid).put8(status);
  }

  /**
   * What a record does to one of its blocks: the image, if redo takes that, and else the record,
   * trimmed. An image is of the page after the change, but for that of the left page of a GiST
   * split: the end of the split comes on top.
   */
  public static void encodeBlock(WalRecord record, int blockId, ByteSink to) {
    Invariant.check(record.hasBlock(blockId), "%s has no block %d", record, blockId);
    if (record.blockApplyImage(blockId)) {
      boolean endsGistSplit =
          record.resourceManager() == ResourceManager.GIST
              && GistRedo.endsSplit(record.kind(), blockId);
      encodeImageAs(
          endsGistSplit ? ValueKind.GIST_SPLIT_END_IMAGE : ValueKind.FULL_PAGE_IMAGE,
          record,
          blockId,
          to);
    } else {
      encodeRecord(record, blockId, to);
    }
  }

  /** The block's image, whether redo takes it or it is there for consistency checks only. */
  public static void encodeFullPageImage(WalRecord record, int blockId, ByteSink to) {
    encodeImageAs(ValueKind.FULL_PAGE_IMAGE, record, blockId, to);
  }

  private static void encodeImageAs(ValueKind kind, WalRecord record, int blockId, ByteSink to) {
    start(to, kind)
        .put8(record.blockImageInfo(blockId))
        .put16(record.blockHoleOffset(blockId))
        .put16(record.blockHoleLength(blockId))
        .put(record.bytes(), record.blockImageOffset(blockId), record.blockImageLength(blockId));
  }

  private static void encodeRecord(WalRecord record, int blockId, ByteSink to) {
    start(to, record.blockWillInit(blockId) ? ValueKind.RECORD_WILL_INIT : ValueKind.RECORD)
        .put8(record.resourceManager())
        .put8(record.info())
        .put8(blockId)
        .put32(record.xid())
        .put8(record.blockForkFlags(blockId) & ~StoredRecord.SAME_RELATION)
        .put8(countOthers(record, blockId))
        .put16(record.blockDataLength(blockId))
        .put32(record.mainDataLength());
    for (int id = 0; id < record.blockCount(); id++) {
      if (id != blockId && record.hasBlock(id)) {
        encodeOther(record, id, blockId, to);
      }
    }
    to.put(record.bytes(), record.mainDataOffset(), record.mainDataLength());
    to.put(record.bytes(), record.blockDataOffset(blockId), record.blockDataLength(blockId));
  }

  private static int countOthers(WalRecord record, int blockId) {
    int count = 0;
    for (int id = 0; id < record.blockCount(); id++) {
      if (id != blockId && record.hasBlock(id)) {
        count++;
      }
    }
    return count;
  }

  private static void encodeOther(WalRecord record, int id, int blockId, ByteSink to) {
    boolean sameRelation =
        record.blockRel(id) == record.blockRel(blockId)
            && record.blockDb(id) == record.blockDb(blockId)
            && record.blockSpc(id) == record.blockSpc(blockId);
    int forkFlags = record.blockForkFlags(id) & ~StoredRecord.SAME_RELATION;
    to.put8(id)
        .put8(sameRelation ? forkFlags | StoredRecord.SAME_RELATION : forkFlags)
        .put32(record.blockNumber(id));
    if (!sameRelation) {
      to.put32(record.blockSpc(id)).put32(record.blockDb(id)).put32(record.blockRel(id));
    }
  }

  private static ByteSink start(ByteSink to, ValueKind kind) {
    return to.reset().put8(kind.code());
  }

  /** Whether a value is a whole page. */
  static boolean isPageImage(int length) {
    return length == 1 + Page.SIZE_BYTES;
  }
}
