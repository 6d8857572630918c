package io.coppice.postgres.wal;

import static io.coppice.postgres.bytes.LittleEndian.i32;
import static io.coppice.postgres.bytes.LittleEndian.i64;
import static io.coppice.postgres.bytes.LittleEndian.u8;
import static io.coppice.postgres.wal.WalLayout.BLOCK_ID_MAX;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.postgres.version.PostgresVersion;
import java.util.Objects;

/**
 * One WAL record as a view over bytes held by someone else; reusable, so that reading makes no
 * garbage. A record got from {@link WalDecoder#next} is valid until the next call of {@code next}
 * or {@code feed}. All offsets index into {@link #bytes}.
 */
public final class WalRecord {
  /** {@link #blockFlags}: an image of the page is there. */
  public static final int BLOCK_HAS_IMAGE = 0x10;

  public static final int BLOCK_HAS_DATA = 0x20;

  /** {@link #blockFlags}: redo builds the page anew, whatever it was. */
  public static final int BLOCK_WILL_INIT = 0x40;

  static final int BLOCK_SAME_RELATION = 0x80;
  static final int BLOCK_FORK_MASK = 0x0F;

  /** {@link #blockImageInfo}: zeros were left out of the middle of the image. */
  public static final int IMAGE_HAS_HOLE = 0x01;

  /** {@link #blockImageInfo}: redo takes the image instead of the change. */
  public static final int IMAGE_APPLY = 0x02;

  public static final int IMAGE_COMPRESSED_PGLZ = 0x04;
  public static final int IMAGE_COMPRESSED_LZ4 = 0x08;
  public static final int IMAGE_COMPRESSED_ZSTD = 0x10;
  public static final int IMAGE_COMPRESSED_MASK =
      IMAGE_COMPRESSED_PGLZ | IMAGE_COMPRESSED_LZ4 | IMAGE_COMPRESSED_ZSTD;

  /** {@link #originId} of a record that is not the replay of another server's. */
  public static final int NO_ORIGIN = 0;

  private static final byte[] NO_BYTES = new byte[0];

  private PostgresVersion version = PostgresVersion.V15;
  private byte[] bytes = NO_BYTES;
  private int offset;
  private int length;
  private long start;
  private long end;

  int mainDataOffset;
  int mainDataLength;
  int originId;
  int topLevelXid;
  int blockCount;

  /** Bit n: block n is there. */
  long blocksPresent;

  final int[] blockSpc = new int[BLOCK_ID_MAX + 1];
  final int[] blockDb = new int[BLOCK_ID_MAX + 1];
  final int[] blockRel = new int[BLOCK_ID_MAX + 1];
  final int[] blockNumber = new int[BLOCK_ID_MAX + 1];
  final int[] blockFlags = new int[BLOCK_ID_MAX + 1];
  final int[] blockDataOffset = new int[BLOCK_ID_MAX + 1];
  final int[] blockDataLength = new int[BLOCK_ID_MAX + 1];
  final int[] blockImageInfo = new int[BLOCK_ID_MAX + 1];
  final int[] blockImageOffset = new int[BLOCK_ID_MAX + 1];
  final int[] blockImageLength = new int[BLOCK_ID_MAX + 1];
  final int[] blockHoleOffset = new int[BLOCK_ID_MAX + 1];
  final int[] blockHoleLength = new int[BLOCK_ID_MAX + 1];

  /**
   * Makes this a view of the record at {@code bytes[offset, offset + length)}. Everything but the
   * CRC is checked.
   */
  public void parse(
      PostgresVersion version, byte[] bytes, int offset, int length, Lsn start, Lsn end)
      throws StorageException.Corrupt {
    Objects.checkFromIndexSize(offset, length, bytes.length);
    view(version, bytes, offset, length, start.value(), end.value());
    RecordHeaders.parse(this);
  }

  void view(PostgresVersion version, byte[] bytes, int offset, int length, long start, long end) {
    this.version = version;
    this.bytes = bytes;
    this.offset = offset;
    this.length = length;
    this.start = start;
    this.end = end;
  }

  /** The major that wrote the record, which its kind and layout depend on. */
  public PostgresVersion version() {
    return version;
  }

  /** Where the record begins: behind the page header if it begins a page. */
  public Lsn start() {
    return new Lsn(start);
  }

  /** Where the next record begins; the LSN of all that this record changes. */
  public Lsn end() {
    return new Lsn(end);
  }

  /** {@link #start} without an object. */
  public long startValue() {
    return start;
  }

  /** {@link #end} without an object. */
  public long endValue() {
    return end;
  }

  public int resourceManager() {
    return u8(bytes, offset + WalLayout.RECORD_RESOURCE_MANAGER);
  }

  /** All eight bits: the upper four tell the kind of record, the lower four are flags. */
  public int info() {
    return u8(bytes, offset + WalLayout.RECORD_INFO);
  }

  /** The kind of record within its resource manager: the upper four bits of {@link #info}. */
  public int kind() {
    return info() & WalLayout.INFO_KIND_MASK;
  }

  public int xid() {
    return i32(bytes, offset + WalLayout.RECORD_XID);
  }

  /** Where the record before this one begins. */
  public Lsn previous() {
    return new Lsn(i64(bytes, offset + WalLayout.RECORD_PREVIOUS));
  }

  public byte[] bytes() {
    return bytes;
  }

  /** Where the record's header begins. */
  public int offset() {
    return offset;
  }

  /** Length of the whole record with its header, without the padding after it. */
  public int length() {
    return length;
  }

  public int mainDataOffset() {
    return mainDataOffset;
  }

  public int mainDataLength() {
    return mainDataLength;
  }

  /** Replication origin, or {@link #NO_ORIGIN}. */
  public int originId() {
    return originId;
  }

  /** Top-level transaction of a subtransaction's first record, else zero. */
  public int topLevelXid() {
    return topLevelXid;
  }

  /** Highest block id plus one; not every lower id need be there. */
  public int blockCount() {
    return blockCount;
  }

  public boolean hasBlock(int id) {
    return id >= 0 && id < blockCount && (blocksPresent >>> id & 1) != 0;
  }

  public int blockSpc(int id) {
    return blockSpc[id];
  }

  public int blockDb(int id) {
    return blockDb[id];
  }

  public int blockRel(int id) {
    return blockRel[id];
  }

  public int blockFork(int id) {
    return blockFlags[id] & BLOCK_FORK_MASK;
  }

  public RelationTag blockTag(int id) {
    return new RelationTag(blockSpc[id], blockDb[id], blockRel[id], blockFork(id));
  }

  /** Unsigned. */
  public int blockNumber(int id) {
    return blockNumber[id];
  }

  /** {@code BLOCK_...} flags, without the fork and without "same relation". */
  public int blockFlags(int id) {
    return blockFlags[id] & (BLOCK_HAS_IMAGE | BLOCK_HAS_DATA | BLOCK_WILL_INIT);
  }

  /** Fork number and flags in one byte, as in the record. */
  public int blockForkFlags(int id) {
    return blockFlags[id];
  }

  public boolean blockWillInit(int id) {
    return (blockFlags[id] & BLOCK_WILL_INIT) != 0;
  }

  public boolean blockHasImage(int id) {
    return (blockFlags[id] & BLOCK_HAS_IMAGE) != 0;
  }

  /** Whether redo takes the image; other images are there for consistency checks only. */
  public boolean blockApplyImage(int id) {
    return blockHasImage(id) && (blockImageInfo[id] & IMAGE_APPLY) != 0;
  }

  /** {@code IMAGE_...} flags, whatever bits the major has for them; zero without an image. */
  public int blockImageInfo(int id) {
    return blockImageInfo[id];
  }

  public int blockImageOffset(int id) {
    return blockImageOffset[id];
  }

  /** Bytes of the image in the record; zero without an image. */
  public int blockImageLength(int id) {
    return blockImageLength[id];
  }

  /** Where in the page the left-out zeros begin. */
  public int blockHoleOffset(int id) {
    return blockHoleOffset[id];
  }

  public int blockHoleLength(int id) {
    return blockHoleLength[id];
  }

  public int blockDataOffset(int id) {
    return blockDataOffset[id];
  }

  /** Bytes of the block's own data; zero if it has none. */
  public int blockDataLength(int id) {
    return blockDataLength[id];
  }

  @Override
  public String toString() {
    return length == 0
        ? "no record"
        : "record at %s: resource manager %d, info 0x%02X, %d bytes, xid %s"
            .formatted(start(), resourceManager(), info(), length, Integer.toUnsignedString(xid()));
  }
}
