package io.coppice.postgres.wal;

import static io.coppice.postgres.bytes.LittleEndian.putI32;
import static io.coppice.postgres.bytes.LittleEndian.putI64;
import static io.coppice.postgres.bytes.LittleEndian.putU16;
import static io.coppice.postgres.bytes.LittleEndian.putU8;
import static io.coppice.postgres.version.PostgresVersion.WAL_PAGE_SIZE_BYTES;
import static io.coppice.postgres.wal.WalLayout.RECORD_HEADER_BYTES;

import io.coppice.common.id.Lsn;
import io.coppice.postgres.version.PostgresVersion;
import java.io.ByteArrayOutputStream;
import java.util.zip.CRC32C;

/**
 * Writes records as Postgres lays them out: the counterpart of {@link WalDecoder}. For the few
 * records that we make ourselves, and for tests. Not thread safe.
 */
public final class WalStreamWriter {
  private final PostgresVersion version;
  private final int segmentSizeBytes;
  private final long systemId;
  private final int timeline;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private long position;
  private long previousStart;

  /**
   * A writer whose stream begins at {@code start}.
   *
   * @param start a multiple of 8; a page header comes first if it is the start of a page
   * @param previous where the record before it begins
   */
  public WalStreamWriter(
      PostgresVersion version,
      int segmentSizeBytes,
      long systemId,
      int timeline,
      Lsn start,
      Lsn previous) {
    if (start.value() % Lsn.ALIGNMENT_BYTES != 0) {
      throw new IllegalArgumentException("no record can begin at " + start);
    }
    this.version = version;
    this.segmentSizeBytes = segmentSizeBytes;
    this.systemId = systemId;
    this.timeline = timeline;
    this.position = start.value();
    this.previousStart = previous.value();
  }

  /**
   * Writes a record.
   *
   * @param body all after the record's header: headers of blocks and of the main data, then data
   * @return where it ends, which is where the next one begins
   */
  public Lsn append(int resourceManager, int info, int xid, byte[] body) {
    int length = RECORD_HEADER_BYTES + body.length;
    if (WalLayout.pageOffset(position) == 0) {
      writePageHeader(0, 0);
    }
    byte[] record = new byte[length];
    System.arraycopy(body, 0, record, RECORD_HEADER_BYTES, body.length);
    putI32(record, WalLayout.RECORD_TOTAL_LENGTH, length);
    putI32(record, WalLayout.RECORD_XID, xid);
    putI64(record, WalLayout.RECORD_PREVIOUS, previousStart);
    putU8(record, WalLayout.RECORD_INFO, info);
    putU8(record, WalLayout.RECORD_RESOURCE_MANAGER, resourceManager);
    CRC32C crc = new CRC32C();
    crc.update(record, RECORD_HEADER_BYTES, body.length);
    crc.update(record, 0, WalLayout.RECORD_CRC);
    putI32(record, WalLayout.RECORD_CRC, (int) crc.getValue());

    previousStart = position;
    int written = 0;
    while (written < length) {
      if (WalLayout.pageOffset(position) == 0) {
        writePageHeader(WalLayout.FIRST_IS_CONTINUATION, length - written);
      }
      int inPage = WAL_PAGE_SIZE_BYTES - WalLayout.pageOffset(position);
      int count = Math.min(inPage, length - written);
      write(record, written, count);
      written += count;
    }
    writeZeros((int) (-position & (Lsn.ALIGNMENT_BYTES - 1)));
    return new Lsn(position);
  }

  /** Writes XLOG_SWITCH and the zeros up to the end of the segment. */
  public Lsn appendSwitch() {
    append(WalLayout.RESOURCE_MANAGER_XLOG, WalLayout.XLOG_SWITCH, 0, new byte[0]);
    writeZeros((int) (-position & (segmentSizeBytes - 1)));
    return new Lsn(position);
  }

  /** Where the next record goes. */
  public Lsn position() {
    return new Lsn(position);
  }

  /** Where the last record begins. */
  public Lsn previousRecordStart() {
    return new Lsn(previousStart);
  }

  /** All that was written since the start or the last call. */
  public byte[] takeBytes() {
    byte[] bytes = out.toByteArray();
    out.reset();
    return bytes;
  }

  private void writePageHeader(int flags, int remainingLength) {
    byte[] header =
        pageHeader(version, segmentSizeBytes, systemId, timeline, position, flags, remainingLength);
    write(header, 0, header.length);
  }

  private void write(byte[] bytes, int offset, int count) {
    out.write(bytes, offset, count);
    position += count;
  }

  private void writeZeros(int count) {
    write(new byte[count], 0, count);
  }

  static byte[] pageHeader(
      PostgresVersion version,
      int segmentSizeBytes,
      long systemId,
      int timeline,
      long page,
      int flags,
      int remainingLength) {
    int headerBytes = WalLayout.pageHeaderBytes(page, segmentSizeBytes);
    boolean isLong = headerBytes == WalLayout.LONG_PAGE_HEADER_BYTES;
    byte[] header = new byte[headerBytes];
    putU16(header, WalLayout.PAGE_MAGIC, version.walPageMagic());
    putU16(header, WalLayout.PAGE_INFO, flags | (isLong ? WalLayout.LONG_HEADER : 0));
    putI32(header, WalLayout.PAGE_TIMELINE, timeline);
    putI64(header, WalLayout.PAGE_ADDRESS, page);
    putI32(header, WalLayout.PAGE_REMAINING_LENGTH, remainingLength);
    if (isLong) {
      putI64(header, WalLayout.PAGE_SYSTEM_ID, systemId);
      putI32(header, WalLayout.PAGE_SEGMENT_SIZE, segmentSizeBytes);
      putI32(header, WalLayout.PAGE_PAGE_SIZE, WAL_PAGE_SIZE_BYTES);
    }
    return header;
  }
}
