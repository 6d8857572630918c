package io.coppice.postgres.wal;

import io.coppice.common.id.Lsn;
import java.util.Optional;

/**
 * Which segment file of the log: 24 hexadecimal digits, eight each for the timeline, the upper and
 * the lower part of the segment's number ({@code XLogFileName}).
 *
 * @param timeline Postgres's timeline id; unsigned
 * @param segment the segment's number: its first position divided by the size of segments
 */
public record WalSegmentName(int timeline, long segment) {
  /** Where the files are in a data directory. */
  public static final String DIRECTORY = "pg_wal";

  private static final int NAME_LENGTH = 24;
  private static final int PART_LENGTH = 8;
  private static final int HEX = 16;
  private static final String DIGITS = "0123456789ABCDEF";

  /** The segment that holds the byte at {@code lsn}. */
  public static WalSegmentName of(int timeline, Lsn lsn, int segmentSizeBytes) {
    return new WalSegmentName(timeline, Long.divideUnsigned(lsn.value(), segmentSizeBytes));
  }

  /** Reads a file name; empty if it is not one of a segment. */
  public static Optional<WalSegmentName> parse(String fileName, int segmentSizeBytes) {
    if (fileName.length() != NAME_LENGTH) {
      return Optional.empty();
    }
    for (int i = 0; i < NAME_LENGTH; i++) {
      if (DIGITS.indexOf(fileName.charAt(i)) < 0) {
        return Optional.empty();
      }
    }
    int timeline = Integer.parseUnsignedInt(fileName, 0, PART_LENGTH, HEX);
    long high = Long.parseLong(fileName, PART_LENGTH, 2 * PART_LENGTH, HEX);
    long low = Long.parseLong(fileName, 2 * PART_LENGTH, NAME_LENGTH, HEX);
    long perHigh = perHigh(segmentSizeBytes);
    return low < perHigh
        ? Optional.of(new WalSegmentName(timeline, high * perHigh + low))
        : Optional.empty();
  }

  private static long perHigh(int segmentSizeBytes) {
    return (1L << 32) / segmentSizeBytes;
  }

  public String fileName(int segmentSizeBytes) {
    long perHigh = perHigh(segmentSizeBytes);
    return "%08X%08X%08X"
        .formatted(
            timeline,
            Long.divideUnsigned(segment, perHigh),
            Long.remainderUnsigned(segment, perHigh));
  }

  /** Position of the segment's first byte. */
  public Lsn start(int segmentSizeBytes) {
    return new Lsn(segment * segmentSizeBytes);
  }

  public WalSegmentName next() {
    return new WalSegmentName(timeline, segment + 1);
  }
}
