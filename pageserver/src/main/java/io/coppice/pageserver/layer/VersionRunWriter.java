package io.coppice.pageserver.layer;

import static java.util.Objects.requireNonNull;

import io.coppice.common.error.Invariant;
import io.coppice.common.key.Key;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** Gathers versions of a key into an entry of a layer file; see {@link VersionRun}. */
final class VersionRunWriter {
  private static final int HEADER_SIZE_BYTES_MAX = 2 + VersionRun.COUNT_MAX * (9 + 2);

  private final long[] lsns = new long[VersionRun.COUNT_MAX];
  private final int[] lengths = new int[VersionRun.COUNT_MAX];
  private final byte[] header = new byte[HEADER_SIZE_BYTES_MAX];

  // Room for the header comes first, so that nothing has to be moved for it.
  private ByteBuffer buffer =
      ByteBuffer.allocateDirect(HEADER_SIZE_BYTES_MAX + VersionRun.SIZE_BYTES_MAX)
          .position(HEADER_SIZE_BYTES_MAX);
  private @Nullable Key key;
  private int count;

  boolean isEmpty() {
    return count == 0;
  }

  /** Whether a version of that key, older than those that are here, still fits. */
  boolean takes(Key next, int length) {
    return count > 0
        && count < VersionRun.COUNT_MAX
        && buffer.position() - HEADER_SIZE_BYTES_MAX + length <= VersionRun.SIZE_BYTES_MAX
        && next.equals(key);
  }

  /** Adds a version: the first, or one that it {@link #takes}. */
  void add(Key of, long lsn, ByteBuffer value) {
    Invariant.check(
        count == 0 || Long.compareUnsigned(lsn, lsns[count - 1]) < 0,
        "a version of %s that is not older than the one before",
        of);
    if (buffer.remaining() < value.remaining()) {
      buffer =
          ByteBuffer.allocateDirect(
                  HEADER_SIZE_BYTES_MAX + 2 * Integer.highestOneBit(value.remaining()))
              .position(HEADER_SIZE_BYTES_MAX);
    }
    key = of;
    lsns[count] = lsn;
    lengths[count++] = value.remaining();
    buffer.put(value);
  }

  /** The key of the versions that are here. */
  Key key() {
    return requireNonNull(key);
  }

  /** For the key of the entry. */
  long oldestLsn() {
    return lsns[count - 1];
  }

  /** The entry, until {@link #clear}. */
  ByteBuffer entry() {
    int length = varint(0, count - 1L);
    for (int i = 0; i < count - 1; i++) {
      length = varint(length, lsns[i] - lsns[i + 1]);
    }
    for (int i = 0; i < count - 1; i++) {
      length = varint(length, lengths[i]);
    }
    int start = HEADER_SIZE_BYTES_MAX - length;
    return buffer.flip().put(start, header, 0, length).position(start);
  }

  private int varint(int at, long value) {
    int next = at;
    long left = value;
    while (left >= 0x80 || left < 0) {
      header[next++] = (byte) (left | 0x80);
      left >>>= 7;
    }
    header[next++] = (byte) left;
    return next;
  }

  void clear() {
    buffer.clear().position(HEADER_SIZE_BYTES_MAX);
    count = 0;
  }
}
