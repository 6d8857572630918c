package io.coppice.safekeeper.sim;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.postgres.wal.WalDecoder;
import io.coppice.postgres.wal.WalRecord;
import java.util.Arrays;

/** All that was ever committed. It only grows. */
final class ReferenceLog {
  private final Lsn start;
  private final WalDecoder decoder;
  private final WalRecord record = new WalRecord();
  private byte[] bytes = new byte[64 * 1024];
  private int length;
  private int records;

  ReferenceLog(Lsn start) {
    this.start = start;
    this.decoder = new WalDecoder(World.VERSION, World.SEGMENT_SIZE_BYTES, start);
  }

  Lsn end() {
    return start.plus(length);
  }

  int records() {
    return records;
  }

  void append(byte[] more) {
    if (length + more.length > bytes.length) {
      bytes = Arrays.copyOf(bytes, 2 * (length + more.length));
    }
    System.arraycopy(more, 0, bytes, length, more.length);
    length += more.length;
    decoder.feed(more, 0, more.length);
    try {
      while (decoder.next(record)) {
        records++;
      }
    } catch (StorageException notWal) {
      throw new Violation("what was committed is not WAL", notWal);
    }
  }

  /**
   * Whether {@code other}, which begins at the same LSN, equals all of this and then {@code more},
   * but for some bytes at most.
   *
   * @param equal so many bytes are known to be the same
   */
  boolean isPrefixOf(byte[] other, int equal, int otherLength, byte[] more, int bytesMax) {
    if (otherLength < length + more.length) {
      return false;
    }
    int different =
        differences(bytes, equal, other, equal, length - equal, bytesMax)
            + differences(more, 0, other, length, more.length, bytesMax);
    return different <= bytesMax;
  }

  private static int differences(
      byte[] one, int oneFrom, byte[] other, int otherFrom, int count, int max) {
    int different = 0;
    int at = 0;
    while (at < count && different <= max) {
      int next =
          Arrays.mismatch(
              one, oneFrom + at, oneFrom + count, other, otherFrom + at, otherFrom + count);
      if (next < 0) {
        break;
      }
      different++;
      at += next + 1;
    }
    return different;
  }

  /** What a safekeeper knows to be committed must be what was committed. */
  void checkHolds(DurableLog log, Lsn commitLsn) {
    if (commitLsn.isAfter(end())) {
      throw new Violation(
          "%s knows %s to be committed, but only %s was".formatted(log, commitLsn, end()));
    }
    log.checkCommitted(bytes, (int) commitLsn.minus(start));
  }

  /** What is in the object store must be what was committed. */
  void checkArchived(Lsn from, byte[] archived) {
    int offset = (int) from.minus(start);
    if (offset + archived.length > length
        || !Arrays.equals(bytes, offset, offset + archived.length, archived, 0, archived.length)) {
      throw new Violation(
          "the object store has WAL at %s that was never committed".formatted(from));
    }
  }

  void checkServed(SimSafekeeper by, Lsn from, byte[] served) {
    int offset = (int) from.minus(start);
    if (offset + served.length > length
        || !Arrays.equals(bytes, offset, offset + served.length, served, 0, served.length)) {
      throw new Violation("%s serves WAL at %s that was never committed".formatted(by, from));
    }
  }
}
