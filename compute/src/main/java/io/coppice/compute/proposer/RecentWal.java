package io.coppice.compute.proposer;

import io.coppice.common.error.Invariant;
import io.coppice.common.id.Lsn;
import io.coppice.proto.v1.ProposerMessage;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The newest WAL, in the pieces it came in, up to a limit of bytes. What is not committed yet is
 * never let go: no safekeeper may have it. Not thread safe.
 */
final class RecentWal {
  private static final int CHUNK_OVERHEAD_BYTES = 256;

  /** A piece; its request is encoded once, whoever it is sent to. */
  static final class Chunk {
    private final Lsn begin;
    private final byte[] bytes;
    private @Nullable ProposerMessage encoded;

    Chunk(Lsn begin, byte[] bytes) {
      this.begin = begin;
      this.bytes = bytes;
    }

    Lsn begin() {
      return begin;
    }

    Lsn end() {
      return begin.plus(bytes.length);
    }

    byte[] bytes() {
      return bytes;
    }

    @Nullable ProposerMessage encoded() {
      return encoded;
    }

    void encodedAs(ProposerMessage message) {
      encoded = message;
    }
  }

  private final int sizeBytesMax;
  private final TreeMap<Lsn, Chunk> chunks = new TreeMap<>();
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
    chunks.put(at, new Chunk(at, bytes));
    end = at.plus(bytes.length);
    sizeBytes += bytes.length + CHUNK_OVERHEAD_BYTES;
  }

  /** Lets the oldest go, down to the limit, but nothing above {@code commitLsn}. */
  void trim(Lsn commitLsn) {
    while (isFull()) {
      Chunk oldest = chunks.firstEntry().getValue();
      if (oldest.end().isAfter(commitLsn)) {
        return;
      }
      chunks.pollFirstEntry();
      sizeBytes -= oldest.bytes().length + CHUNK_OVERHEAD_BYTES;
      begin = oldest.end();
    }
  }

  boolean isFull() {
    return sizeBytes > sizeBytesMax;
  }

  /** The piece that holds the byte at {@code lsn}. */
  Optional<Chunk> at(Lsn lsn) {
    if (lsn.isBefore(begin) || lsn.isAtOrAfter(end)) {
      return Optional.empty();
    }
    return Optional.of(chunks.floorEntry(lsn).getValue());
  }
}
