package io.coppice.postgres.wal;

import static io.coppice.postgres.version.PostgresVersion.WAL_PAGE_SIZE_BYTES;

import io.coppice.common.id.Lsn;

/**
 * Layout of the write-ahead log's pages and record headers (PostgreSQL's {@code xlog_internal.h}
 * and {@code xlogrecord.h}), the same in all supported majors but for the magic.
 *
 * <pre>
 * page header   0       2      4         8             16        20       24 (short)
 *               | magic | info | timeline | page address | rem len | unused |
 *               24             32             36              40 (long: first page of a segment)
 *               | system id    | segment size | page size     |
 *
 * record header 0           4     8               16     17   18       20    24
 *               | total len | xid | previous start | info | rm | unused | crc |
 * </pre>
 *
 * A record begins at a multiple of 8. Its CRC covers all after the header and then the first 20
 * bytes of the header. A record that does not fit its page goes on behind the next page's header,
 * which then has {@link #FIRST_IS_CONTINUATION} and the number of bytes still to come.
 */
public final class WalLayout {
  public static final int SHORT_PAGE_HEADER_BYTES = 24;
  public static final int LONG_PAGE_HEADER_BYTES = 40;
  public static final int RECORD_HEADER_BYTES = 24;

  /** Longest record that Postgres writes ({@code XLogRecordMaxSize} of 16 and later). */
  public static final int RECORD_BYTES_MAX = 1020 << 20;

  /** Highest block id that a record can carry ({@code XLR_MAX_BLOCK_ID}). */
  public static final int BLOCK_ID_MAX = 32;

  public static final int SEGMENT_SIZE_BYTES_MIN = 1 << 20;

  /**
   * Smallest segment that can be read and written. Postgres makes none below {@link
   * #SEGMENT_SIZE_BYTES_MIN}; simulations do, to see many segments with little WAL.
   */
  public static final int SEGMENT_SIZE_BYTES_LEAST = 1 << 15;

  public static final int SEGMENT_SIZE_BYTES_MAX = 1 << 30;

  static final int PAGE_MAGIC = 0;
  static final int PAGE_INFO = 2;
  static final int PAGE_TIMELINE = 4;
  public static final int PAGE_ADDRESS = 8;
  static final int PAGE_REMAINING_LENGTH = 16;
  public static final int PAGE_SYSTEM_ID = 24;
  public static final int PAGE_SEGMENT_SIZE = 32;
  static final int PAGE_PAGE_SIZE = 36;

  static final int FIRST_IS_CONTINUATION = 0x0001;
  static final int LONG_HEADER = 0x0002;
  static final int FIRST_IS_OVERWRITE_CONTINUATION = 0x0008;
  static final int ALL_PAGE_FLAGS = 0x000F;

  static final int RECORD_TOTAL_LENGTH = 0;
  static final int RECORD_XID = 4;
  static final int RECORD_PREVIOUS = 8;
  static final int RECORD_INFO = 16;
  static final int RECORD_RESOURCE_MANAGER = 17;
  static final int RECORD_CRC = 20;

  /** Ids in a record's list of headers that are not block ids. */
  static final int ID_DATA_SHORT = 255;

  static final int ID_DATA_LONG = 254;
  static final int ID_ORIGIN = 253;
  static final int ID_TOP_LEVEL_XID = 252;

  /** The one resource manager and record kind that this package must know. */
  static final int RESOURCE_MANAGER_XLOG = 0;

  static final int XLOG_SWITCH = 0x40;
  static final int XLOG_OVERWRITE_CONTINUATION = 0xD0;
  static final int INFO_KIND_MASK = 0xF0;

  private WalLayout() {}

  /** Whether Postgres can have segments of that size: a power of two from 1 MiB to 1 GiB. */
  public static boolean isSegmentSize(int sizeBytes) {
    return sizeBytes >= SEGMENT_SIZE_BYTES_LEAST
        && sizeBytes <= SEGMENT_SIZE_BYTES_MAX
        && Integer.bitCount(sizeBytes) == 1;
  }

  /** Bytes of the page header at that page. */
  public static int pageHeaderBytes(Lsn page, int segmentSizeBytes) {
    return pageHeaderBytes(page.value(), segmentSizeBytes);
  }

  static int pageHeaderBytes(long page, int segmentSizeBytes) {
    return (page & (segmentSizeBytes - 1)) == 0 ? LONG_PAGE_HEADER_BYTES : SHORT_PAGE_HEADER_BYTES;
  }

  /**
   * Where the record really begins that is said to begin at {@code lsn}: the start of a page, or a
   * place in its header, stands for the place behind the header; others are rounded up to 8.
   */
  public static Lsn recordStart(Lsn lsn, int segmentSizeBytes) {
    Lsn aligned = lsn.alignedUp();
    Lsn page = aligned.plus(-pageOffset(aligned.value()));
    return Lsn.max(aligned, page.plus(pageHeaderBytes(page, segmentSizeBytes)));
  }

  static int pageOffset(long lsn) {
    return (int) (lsn & (WAL_PAGE_SIZE_BYTES - 1));
  }

  static int alignUp(int sizeBytes) {
    return (sizeBytes + Lsn.ALIGNMENT_BYTES - 1) & -Lsn.ALIGNMENT_BYTES;
  }
}
