package io.coppice.compute.proposer;

import io.coppice.common.error.Invariant;
import io.coppice.common.id.Lsn;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.TreeMap;

/**
 * The newest WAL, in the pieces it came in, up to a limit of bytes. What is not committed yet is
 * never let go: no safekeeper may have it. Not thread safe.
 */
final class RecentWal {
  private static final int CHUNK_OVERHEAD_BYTES = 256;

  private final int sizeBytesMax;

  /** The pieces by where they begin. */
  private final TreeMap<Lsn, byte[]> chunks = new TreeMap<>();

  private Lsn begin;
  private Lsn end;
  private long sizeBytes;

  RecentWal(Lsn start, int sizeBytesMax) {
    this.begin = start;
    this.end = start;
    this.sizeBytesMax = sizeBytesMax;
  }

  /** WAL below this is not here any more. */
  Lsn begin() {
    return begin;
  }

  Lsn end() {
    return end;
  }

  void add(Lsn at, byte[] bytes) {
    Invariant.check(at.equals(end), "WAL at %s added, expected %s", at, end);
    chunks.put(at, bytes);
    end = at.plus(bytes.length);
    sizeBytes += bytes.length + CHUNK_OVERHEAD_BYTES;
  }

  /** Lets the oldest go, down to the limit, but nothing above {@code commitLsn}. */
  void trim(Lsn commitLsn) {
    while (isFull()) {
      Map.Entry<Lsn, byte[]> oldest = chunks.firstEntry();
      Lsn oldestEnd = oldest.getKey().plus(oldest.getValue().length);
      if (oldestEnd.isAfter(commitLsn)) {
        return;
      }
      chunks.pollFirstEntry();
      sizeBytes -= oldest.getValue().length + CHUNK_OVERHEAD_BYTES;
      begin = oldestEnd;
    }
  }

  boolean isFull() {
    return sizeBytes > sizeBytesMax;
  }

  /**
   * WAL from {@code from} on, which is here: at least a byte, and no more than so many. Not to be
   * changed.
   */
  ByteBuffer read(Lsn from, int sizeBytesMax) {
    Map.Entry<Lsn, byte[]> first = chunks.floorEntry(from);
    int offset = (int) from.minus(first.getKey());
    int length = (int) Math.min(sizeBytesMax, end.minus(from));
    if (length <= first.getValue().length - offset) {
      return ByteBuffer.wrap(first.getValue(), offset, length);
    }
    ByteBuffer gathered = ByteBuffer.allocate(length);
    for (byte[] chunk : chunks.tailMap(first.getKey()).values()) {
      int skipped = gathered.position() == 0 ? offset : 0;
      gathered.put(chunk, skipped, Math.min(chunk.length - skipped, gathered.remaining()));
      if (!gathered.hasRemaining()) {
        break;
      }
    }
    return gathered.flip();
  }
}
