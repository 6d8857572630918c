package io.coppice.pageserver.layer;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.postgres.redo.StoredValues;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * The versions of one key that a read has found so far: newest first, ending with a complete one if
 * all is well. Reused from read to read; not thread safe.
 */
public final class VersionList {
  private static final int SIZE_BYTES_MAX = 1 << 30;
  // There is one for each key of a batch.
  private static final int KEPT_SIZE_BYTES_MAX = 1 << 16;

  private byte[] bytes = new byte[1 << 14];
  private int usedBytes;
  private long[] lsns = new long[64];
  private int[] ends = new int[64];
  private int count;
  private boolean complete;

  /** Makes it empty; memory beyond the usual is let go. */
  public void clear() {
    if (bytes.length > KEPT_SIZE_BYTES_MAX) {
      bytes = new byte[KEPT_SIZE_BYTES_MAX];
    }
    usedBytes = 0;
    count = 0;
    complete = false;
  }

  /** Whether the oldest version needs nothing older. */
  public boolean isComplete() {
    return complete;
  }

  public int count() {
    return count;
  }

  /** All versions' bytes; those of one are found with {@link #start} and {@link #length}. */
  public byte[] bytes() {
    return bytes;
  }

  public int start(int version) {
    return version == 0 ? 0 : ends[version - 1];
  }

  public int length(int version) {
    return ends[version] - start(version);
  }

  public Lsn lsn(int version) {
    return new Lsn(lsns[version]);
  }

  /** Whether a version of that LSN, or an older one, is here already. */
  boolean reaches(long lsn) {
    return count > 0 && Long.compareUnsigned(lsns[count - 1], lsn) <= 0;
  }

  void add(long lsn, MemorySegment from, long offset, int length) throws StorageException {
    int at = makeRoom(lsn, length);
    MemorySegment.copy(from, ValueLayout.JAVA_BYTE, offset, bytes, at, length);
    finish(at, length);
  }

  void add(long lsn, ByteBuffer value) throws StorageException {
    int length = value.remaining();
    int at = makeRoom(lsn, length);
    value.get(value.position(), bytes, at, length);
    finish(at, length);
  }

  private int makeRoom(long lsn, int length) throws StorageException {
    if ((long) usedBytes + length > SIZE_BYTES_MAX) {
      throw new StorageException.Unsupported(
          "a key has more than %d bytes of versions down to %s"
              .formatted(SIZE_BYTES_MAX, new Lsn(lsn)));
    }
    if (usedBytes + length > bytes.length) {
      long doubled = Math.max(2L * bytes.length, (long) usedBytes + length);
      bytes = Arrays.copyOf(bytes, (int) Math.min(doubled, SIZE_BYTES_MAX));
    }
    if (count == lsns.length) {
      lsns = Arrays.copyOf(lsns, count * 2);
      ends = Arrays.copyOf(ends, count * 2);
    }
    lsns[count] = lsn;
    return usedBytes;
  }

  private void finish(int at, int length) {
    usedBytes = at + length;
    ends[count++] = usedBytes;
    complete = StoredValues.isComplete(bytes, at, length);
  }
}
