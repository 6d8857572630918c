package io.coppice.postgres.wal;

import static io.coppice.postgres.bytes.LittleEndian.i64;
import static io.coppice.postgres.bytes.LittleEndian.u16;
import static io.coppice.postgres.bytes.LittleEndian.u32;
import static io.coppice.postgres.version.PostgresVersion.WAL_PAGE_SIZE_BYTES;

import io.coppice.common.id.Lsn;
import io.coppice.postgres.version.PostgresVersion;
import org.jspecify.annotations.Nullable;

/** Checks the page headers of one stream, each against the ones before. */
final class WalPageHeaders {
  private final int magic;
  private final int segmentSizeBytes;
  private long systemId;
  private long timelineMin;

  WalPageHeaders(PostgresVersion version, int segmentSizeBytes) {
    this.magic = version.walPageMagic();
    this.segmentSizeBytes = segmentSizeBytes;
  }

  void expectSystemId(long expected) {
    systemId = expected;
  }

  /** What is wrong with the header at {@code bytes[offset]} for the page at {@code lsn}, if any. */
  @Nullable String check(byte[] bytes, int offset, long lsn) {
    int foundMagic = u16(bytes, offset + WalLayout.PAGE_MAGIC);
    if (foundMagic != magic) {
      return "magic: expected 0x%04X, got 0x%04X".formatted(magic, foundMagic);
    }
    boolean segmentStart = (lsn & (segmentSizeBytes - 1)) == 0;
    int flags = flags(bytes, offset);
    if ((flags & ~WalLayout.ALL_PAGE_FLAGS) != 0
        || ((flags & WalLayout.LONG_HEADER) != 0) != segmentStart) {
      return "flags: expected a %s header and none above 0x%04X, got 0x%04X"
          .formatted(segmentStart ? "long" : "short", WalLayout.ALL_PAGE_FLAGS, flags);
    }
    long address = i64(bytes, offset + WalLayout.PAGE_ADDRESS);
    if (address != lsn) {
      return "page address: expected %s, got %s".formatted(new Lsn(lsn), new Lsn(address));
    }
    long timeline = u32(bytes, offset + WalLayout.PAGE_TIMELINE);
    if (timeline < timelineMin) {
      return "timeline: expected at least %d, got %d".formatted(timelineMin, timeline);
    }
    timelineMin = timeline;
    return segmentStart ? checkLong(bytes, offset) : null;
  }

  private @Nullable String checkLong(byte[] bytes, int offset) {
    long foundSystemId = i64(bytes, offset + WalLayout.PAGE_SYSTEM_ID);
    if (systemId != 0 && foundSystemId != systemId) {
      return "system id: expected %s, got %s"
          .formatted(Long.toUnsignedString(systemId), Long.toUnsignedString(foundSystemId));
    }
    long segmentSize = u32(bytes, offset + WalLayout.PAGE_SEGMENT_SIZE);
    if (segmentSize != segmentSizeBytes) {
      return "segment size: expected %d, got %d".formatted(segmentSizeBytes, segmentSize);
    }
    long pageSize = u32(bytes, offset + WalLayout.PAGE_PAGE_SIZE);
    if (pageSize != WAL_PAGE_SIZE_BYTES) {
      return "page size: expected %d, got %d".formatted(WAL_PAGE_SIZE_BYTES, pageSize);
    }
    systemId = foundSystemId;
    return null;
  }

  static int flags(byte[] bytes, int offset) {
    return u16(bytes, offset + WalLayout.PAGE_INFO);
  }

  static long remainingLength(byte[] bytes, int offset) {
    return u32(bytes, offset + WalLayout.PAGE_REMAINING_LENGTH);
  }
}
