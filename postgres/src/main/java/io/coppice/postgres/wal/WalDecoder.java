package io.coppice.postgres.wal;

import static io.coppice.postgres.bytes.LittleEndian.i32;
import static io.coppice.postgres.bytes.LittleEndian.i64;
import static io.coppice.postgres.bytes.LittleEndian.u32;
import static io.coppice.postgres.bytes.LittleEndian.u8;
import static io.coppice.postgres.version.PostgresVersion.WAL_PAGE_SIZE_BYTES;
import static io.coppice.postgres.wal.WalLayout.RECORD_HEADER_BYTES;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.postgres.version.PostgresVersion;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * Cuts a stream of WAL bytes into records and checks page headers, CRCs and the chain of records.
 * The stream is what a walsender sends and what segment files hold: page headers, and the zeros
 * after XLOG_SWITCH, are in it. One for each stream; not thread safe.
 *
 * <pre>
 *   feed(bytes)  ->  next(record) true ... true, false  ->  feed(more bytes)  -> ...
 * </pre>
 *
 * <p>A record within one page is a view of the bytes fed. One that crosses pages is put together in
 * a buffer that grows as its bytes arrive, so a hostile length allocates nothing. Once {@link
 * #next} has thrown {@code Corrupt} it throws the same again: what follows cannot be trusted.
 */
public final class WalDecoder {
  /** Callers read what they fed before they feed more; this much shows that one does not. */
  private static final int UNREAD_BYTES_MAX = 256 << 20;

  private static final int BUFFER_BYTES_MIN = 8 << 10;
  private static final int RECORD_BUFFER_BYTES_MIN = 2 * WAL_PAGE_SIZE_BYTES;
  private static final byte[] NOTHING = new byte[0];

  /** A larger buffer for a record across pages is let go when the record was read. */
  private static final int KEPT_RECORD_BUFFER_BYTES_MAX = 1 << 20;

  private final PostgresVersion version;
  private final int segmentSizeBytes;
  private final WalPageHeaders pageHeaders;
  private final EndOfWal endOfWal;
  private final CRC32C crc = new CRC32C();

  /** Bytes fed and not yet read: {@code buffer[head, tail)}; as large as what is fed at once. */
  private byte[] buffer = NOTHING;

  private int head;
  private int tail;

  /** Position of {@code buffer[head]}. */
  private long readLsn;

  /** Bytes to pass over before anything is read again: padding. */
  private int skipBytes;

  /** Passing over the rest of a record that began before the start. */
  private boolean seekingFirstRecord;

  /** The record being put together from several pages; none if the length is zero. */
  private byte[] assembly = NOTHING;

  private int assemblyLength;
  private int assembledBytes;
  private long assemblyStart;

  /** Start of a record that its writer gave up, or zero: the next record must say so. */
  private long overwrittenStart;

  private long position;
  private long previousStart;
  private boolean anyRecord;
  private boolean atEndOfWal;
  private @Nullable String failure;

  /** What a decoder makes of zeros where a record or a page should begin. */
  private enum EndOfWal {
    /** A walsender never sends them. */
    IS_CORRUPT,
    /** A segment file ends with them. */
    IS_END
  }

  /**
   * A decoder of what a walsender sends.
   *
   * @param start where a record begins: within a page, or the start of a page or segment, whose
   *     header then comes first in the stream
   */
  public WalDecoder(PostgresVersion version, int segmentSizeBytes, Lsn start) {
    this(version, segmentSizeBytes, start, EndOfWal.IS_CORRUPT, false);
  }

  private WalDecoder(
      PostgresVersion version, int segmentSizeBytes, Lsn start, EndOfWal endOfWal, boolean seek) {
    if (!WalLayout.isSegmentSize(segmentSizeBytes)) {
      throw new IllegalArgumentException("not a WAL segment size: " + segmentSizeBytes);
    }
    int pageOffset = WalLayout.pageOffset(start.value());
    long page = start.value() - pageOffset;
    if (start.value() % Lsn.ALIGNMENT_BYTES != 0
        || (pageOffset != 0 && pageOffset < WalLayout.pageHeaderBytes(page, segmentSizeBytes))) {
      throw new IllegalArgumentException("no record can begin at " + start);
    }
    this.version = version;
    this.segmentSizeBytes = segmentSizeBytes;
    this.pageHeaders = new WalPageHeaders(version, segmentSizeBytes);
    this.endOfWal = endOfWal;
    this.seekingFirstRecord = seek;
    this.readLsn = start.value();
    this.position = start.value();
  }

  /**
   * A decoder of segment files: zeros where a record should begin are the end of the log (see
   * {@link #atEndOfWal}). A torn record at the end is {@code Corrupt}; {@link #position} then tells
   * where the whole ones end.
   */
  public static WalDecoder ofFiles(PostgresVersion version, int segmentSizeBytes, Lsn start) {
    return new WalDecoder(version, segmentSizeBytes, start, EndOfWal.IS_END, false);
  }

  /**
   * Like {@link #ofFiles}, from the start of a page in which a record that began earlier may go on:
   * that one is passed over.
   */
  public static WalDecoder ofFilesFromPage(
      PostgresVersion version, int segmentSizeBytes, Lsn page) {
    if (WalLayout.pageOffset(page.value()) != 0) {
      throw new IllegalArgumentException("not the start of a WAL page: " + page);
    }
    return new WalDecoder(version, segmentSizeBytes, page, EndOfWal.IS_END, true);
  }

  /** Refuses segments of another cluster. Without it the first system id seen must stay. */
  public void expectSystemId(long systemId) {
    pageHeaders.expectSystemId(systemId);
  }

  /** End of the last whole record, where the next one begins; at first the start. */
  public Lsn position() {
    return new Lsn(position);
  }

  /** Start of the last whole record, or {@link Lsn#INVALID}. */
  public Lsn previousRecordStart() {
    return new Lsn(previousStart);
  }

  /** Position just behind the bytes fed. */
  public Lsn fedUpTo() {
    return new Lsn(readLsn + (tail - head));
  }

  /** Whether {@link #next} said false because the log in the files ends at {@link #position}. */
  public boolean atEndOfWal() {
    return atEndOfWal;
  }

  /** Takes the bytes that follow those fed before. They are copied. */
  public void feed(byte[] bytes, int offset, int length) {
    feed(ByteBuffer.wrap(bytes, offset, length));
  }

  /** As the other; the buffer has nothing left afterwards. */
  public void feed(ByteBuffer bytes) {
    if (head == tail && skipBytes > 0) {
      int skipped = Math.min(skipBytes, bytes.remaining());
      skipBytes -= skipped;
      readLsn += skipped;
      bytes.position(bytes.position() + skipped);
    }
    int count = bytes.remaining();
    makeRoom(count);
    bytes.get(buffer, tail, count);
    tail += count;
  }

  private void makeRoom(int count) {
    int unread = tail - head;
    if (buffer.length - tail >= count) {
      return;
    }
    long wanted = (long) unread + count;
    if (wanted > UNREAD_BYTES_MAX) {
      throw new IllegalStateException(
          "%d WAL bytes fed and not read, at most %d may be".formatted(wanted, UNREAD_BYTES_MAX));
    }
    byte[] target = buffer;
    if (wanted > buffer.length) {
      target = new byte[Math.max(BUFFER_BYTES_MIN, Integer.highestOneBit((int) wanted - 1) << 1)];
    }
    System.arraycopy(buffer, head, target, 0, unread);
    buffer = target;
    head = 0;
    tail = unread;
  }

  /**
   * Reads the next record.
   *
   * @return false if more bytes are needed, or the log in the files ends here
   * @throws StorageException.Corrupt naming the position, and what was expected and found
   */
  public boolean next(WalRecord into) throws StorageException.Corrupt {
    if (failure != null) {
      throw new StorageException.Corrupt(failure);
    }
    while (!atEndOfWal) {
      if (skipBytes > 0 && !skip()) {
        return false;
      }
      if (WalLayout.pageOffset(readLsn) == 0 && !readPageHeader()) {
        return false;
      }
      if (skipBytes > 0) {
        continue;
      }
      if (assemblyLength == 0) {
        if (!beginRecord()) {
          return false;
        }
        if (assemblyLength == 0) {
          int length = i32(buffer, head);
          finishRecord(into, buffer, head, length, readLsn, readLsn + length);
          consume(length);
          return true;
        }
      }
      if (!assemble()) {
        return false;
      }
      if (assembledBytes == assemblyLength) {
        finishRecord(into, assembly, 0, assemblyLength, assemblyStart, readLsn);
        assemblyLength = 0;
        return true;
      }
    }
    return false;
  }

  private void consume(int count) {
    head += count;
    readLsn += count;
  }

  private boolean skip() {
    int count = Math.min(skipBytes, tail - head);
    consume(count);
    skipBytes -= count;
    return skipBytes == 0;
  }

  /** Checks and passes over the header of the page at {@code readLsn}; false if it is not whole. */
  private boolean readPageHeader() throws StorageException.Corrupt {
    int headerBytes = WalLayout.pageHeaderBytes(readLsn, segmentSizeBytes);
    if (tail - head < headerBytes) {
      return false;
    }
    if (endOfWal == EndOfWal.IS_END && isZero(headerBytes)) {
      atEndOfWal = true;
      return false;
    }
    String problem = pageHeaders.check(buffer, head, readLsn);
    if (problem != null) {
      throw fail("page header at " + new Lsn(readLsn), problem);
    }
    int flags = WalPageHeaders.flags(buffer, head);
    long remaining = WalPageHeaders.remainingLength(buffer, head);
    if (assemblyLength != 0 && (flags & WalLayout.FIRST_IS_OVERWRITE_CONTINUATION) != 0) {
      overwrittenStart = assemblyStart;
      assemblyLength = 0;
    } else if (assemblyLength != 0) {
      int expected = assemblyLength - assembledBytes;
      if ((flags & WalLayout.FIRST_IS_CONTINUATION) == 0 || remaining != expected) {
        throw fail(
            "continuation at %s of the record at %s"
                .formatted(new Lsn(readLsn), new Lsn(assemblyStart)),
            "expected %d bytes to come, got %s"
                .formatted(
                    expected, (flags & WalLayout.FIRST_IS_CONTINUATION) == 0 ? "none" : remaining));
      }
    } else if ((flags & WalLayout.FIRST_IS_CONTINUATION) != 0) {
      if (!seekingFirstRecord) {
        throw fail(
            "page header at " + new Lsn(readLsn),
            "expected a new record, got the continuation of one by %d bytes".formatted(remaining));
      }
      seek(headerBytes, remaining);
    } else {
      seekingFirstRecord = false;
    }
    consume(headerBytes);
    return true;
  }

  /** Passes over the part in this page of a record that began before the start. */
  private void seek(int headerBytes, long remaining) {
    int inPage = WAL_PAGE_SIZE_BYTES - headerBytes;
    if (remaining > inPage) {
      skipBytes = inPage;
      return;
    }
    skipBytes = WalLayout.alignUp((int) remaining);
    seekingFirstRecord = false;
    position = readLsn + headerBytes + skipBytes;
  }

  /**
   * Looks at the record that begins at {@code readLsn}: it is whole in the buffer, or begins to be
   * put together (then {@code assemblyLength} is set). False if more bytes are needed.
   */
  private boolean beginRecord() throws StorageException.Corrupt {
    int available = tail - head;
    int inPage = WAL_PAGE_SIZE_BYTES - WalLayout.pageOffset(readLsn);
    if (available < Math.min(RECORD_HEADER_BYTES, inPage)) {
      return false;
    }
    long length = u32(buffer, head);
    if (length < RECORD_HEADER_BYTES || length > WalLayout.RECORD_BYTES_MAX) {
      if (endOfWal == EndOfWal.IS_END && isZero(Math.min(RECORD_HEADER_BYTES, inPage))) {
        atEndOfWal = true;
        return false;
      }
      throw fail(
          "record at " + new Lsn(readLsn),
          "length: expected %d to %d, got %d"
              .formatted(RECORD_HEADER_BYTES, WalLayout.RECORD_BYTES_MAX, length));
    }
    if (inPage >= RECORD_HEADER_BYTES) {
      checkRecordHeader(buffer, head, readLsn);
    }
    if (length <= inPage) {
      return available >= length;
    }
    if (assembly.length > KEPT_RECORD_BUFFER_BYTES_MAX) {
      assembly = NOTHING;
    }
    assemblyLength = (int) length;
    assembledBytes = 0;
    assemblyStart = readLsn;
    return true;
  }

  /** Adds what this page holds of the record; false if more bytes are needed. */
  private boolean assemble() throws StorageException.Corrupt {
    int inPage = WAL_PAGE_SIZE_BYTES - WalLayout.pageOffset(readLsn);
    int wanted = Math.min(inPage, assemblyLength - assembledBytes);
    int count = Math.min(wanted, tail - head);
    if (assembly.length - assembledBytes < count) {
      long doubled = Math.max(2L * assembly.length, (long) assembledBytes + count);
      int grown = (int) Math.min(doubled, assemblyLength);
      assembly = Arrays.copyOf(assembly, Math.max(grown, RECORD_BUFFER_BYTES_MIN));
    }
    System.arraycopy(buffer, head, assembly, assembledBytes, count);
    boolean hadHeader = assembledBytes >= RECORD_HEADER_BYTES;
    assembledBytes += count;
    consume(count);
    if (!hadHeader && assembledBytes >= RECORD_HEADER_BYTES) {
      checkRecordHeader(assembly, 0, assemblyStart);
    }
    return count == wanted;
  }

  private void checkRecordHeader(byte[] bytes, int offset, long start)
      throws StorageException.Corrupt {
    long previous = i64(bytes, offset + WalLayout.RECORD_PREVIOUS);
    boolean linked =
        anyRecord ? previous == previousStart : Long.compareUnsigned(previous, start) < 0;
    if (!linked) {
      throw fail(
          "record at " + new Lsn(start),
          "previous record: expected %s, got %s"
              .formatted(anyRecord ? new Lsn(previousStart) : "one before it", new Lsn(previous)));
    }
  }

  private void finishRecord(
      WalRecord into, byte[] bytes, int offset, int length, long start, long lastByteEnd)
      throws StorageException.Corrupt {
    crc.reset();
    crc.update(bytes, offset + RECORD_HEADER_BYTES, length - RECORD_HEADER_BYTES);
    crc.update(bytes, offset, WalLayout.RECORD_CRC);
    int expected = i32(bytes, offset + WalLayout.RECORD_CRC);
    if ((int) crc.getValue() != expected) {
      throw fail(
          "record at " + new Lsn(start),
          "CRC over %d bytes: expected %08x, got %08x"
              .formatted(length, expected, (int) crc.getValue()));
    }
    long end = (lastByteEnd + Lsn.ALIGNMENT_BYTES - 1) & -Lsn.ALIGNMENT_BYTES;
    int kind = u8(bytes, offset + WalLayout.RECORD_INFO) & WalLayout.INFO_KIND_MASK;
    boolean ofXlog =
        u8(bytes, offset + WalLayout.RECORD_RESOURCE_MANAGER) == WalLayout.RESOURCE_MANAGER_XLOG;
    if (ofXlog && kind == WalLayout.XLOG_SWITCH) {
      end = (end + segmentSizeBytes - 1) & -segmentSizeBytes;
    }
    into.view(version, bytes, offset, length, start, end);
    try {
      RecordHeaders.parse(into);
    } catch (StorageException.Corrupt e) {
      failure = e.getMessage();
      throw e;
    }
    if (overwrittenStart != 0) {
      checkOverwrite(into, ofXlog && kind == WalLayout.XLOG_OVERWRITE_CONTINUATION);
      overwrittenStart = 0;
    }
    skipBytes = (int) (end - lastByteEnd);
    position = end;
    previousStart = start;
    anyRecord = true;
  }

  /** A record given up half-way must be followed by one that names it. */
  private void checkOverwrite(WalRecord record, boolean isOverwrite)
      throws StorageException.Corrupt {
    boolean names =
        isOverwrite
            && record.mainDataLength() >= Long.BYTES
            && i64(record.bytes(), record.mainDataOffset()) == overwrittenStart;
    if (!names) {
      throw fail(
          "record at " + record.start(),
          "expected the note that the record at %s was given up, got %s"
              .formatted(new Lsn(overwrittenStart), record));
    }
  }

  private boolean isZero(int count) {
    for (int i = head; i < head + count; i++) {
      if (buffer[i] != 0) {
        return false;
      }
    }
    return true;
  }

  private StorageException.Corrupt fail(String where, String problem) {
    String message = "WAL " + where + ": " + problem;
    failure = message;
    return new StorageException.Corrupt(message);
  }
}
