package io.coppice.pageserver.query;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.postgres.record.PostgresTime;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.time.Instant;

/**
 * One entry of the commit index: a version of the one key of it.
 *
 * <pre>
 *  0       8               16                       24
 *  +-------+---------------+------------------------+
 *  | lsn   | commit time   | latest commit time yet |   little endian, Postgres microseconds
 *  +-------+---------------+------------------------+
 * </pre>
 *
 * Times of commits need not be in the order of their records, and clocks jump; the running maximum
 * is in order, so it can be searched.
 *
 * @param lsn end of the commit's record
 * @param latestMicros maximum of the times of this commit and all before it
 */
public record Commit(Lsn lsn, long timeMicros, long latestMicros) {
  /** Length of the encoded form. */
  public static final int SIZE_BYTES = 24;

  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  public Instant time() {
    return PostgresTime.toInstant(timeMicros);
  }

  public void write(byte[] to, int offset) {
    LONG.set(to, offset, lsn.value());
    LONG.set(to, offset + 8, timeMicros);
    LONG.set(to, offset + 16, latestMicros);
  }

  public static Commit read(byte[] from) throws StorageException.Corrupt {
    if (from.length != SIZE_BYTES) {
      throw new StorageException.Corrupt(
          "an entry of the commit index has %d bytes, not %d".formatted(from.length, SIZE_BYTES));
    }
    return new Commit(
        new Lsn((long) LONG.get(from, 0)), (long) LONG.get(from, 8), (long) LONG.get(from, 16));
  }
}
