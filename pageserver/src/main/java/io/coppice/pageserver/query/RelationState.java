package io.coppice.pageserver.query;

import io.coppice.common.error.StorageException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * What is kept under the size key of a relation's fork. A fork that was dropped keeps one, which
 * says so: its file number may be used again, and then old versions of its blocks are still below.
 *
 * <pre>
 *  0          4          8      9
 *  +----------+----------+------+
 *  | size     | ever     | flags|   little endian; flags: 1 dropped, 2 has holes
 *  +----------+----------+------+
 * </pre>
 *
 * @param sizeBlocks blocks now
 * @param everBlocks no block at or past this was ever written, before drops and truncations either
 * @param dropped the fork does not exist
 * @param holes some blocks below the size were never written: they are pages of zeros. Without it,
 *     a block that cannot be found is lost.
 */
public record RelationState(long sizeBlocks, long everBlocks, boolean dropped, boolean holes) {
  /** Length of the encoded form. */
  public static final int SIZE_BYTES = 9;

  private static final int FLAG_DROPPED = 1;
  private static final int FLAG_HOLES = 2;
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

  /** A fork whose blocks below the size have all been written. */
  public static RelationState ofSize(long sizeBlocks) {
    return new RelationState(sizeBlocks, sizeBlocks, false, false);
  }

  public void write(byte[] to, int offset) {
    INT.set(to, offset, (int) sizeBlocks);
    INT.set(to, offset + 4, (int) everBlocks);
    to[offset + 8] = (byte) ((dropped ? FLAG_DROPPED : 0) | (holes ? FLAG_HOLES : 0));
  }

  public byte[] toBytes() {
    byte[] bytes = new byte[SIZE_BYTES];
    write(bytes, 0);
    return bytes;
  }

  public static RelationState read(byte[] from) throws StorageException.Corrupt {
    if (from.length != SIZE_BYTES || (from[8] & ~(FLAG_DROPPED | FLAG_HOLES)) != 0) {
      throw new StorageException.Corrupt(
          "the size of a relation is stored in %d bytes that do not read (expected %d)"
              .formatted(from.length, SIZE_BYTES));
    }
    return new RelationState(
        (int) INT.get(from, 0) & 0xFFFF_FFFFL,
        (int) INT.get(from, 4) & 0xFFFF_FFFFL,
        (from[8] & FLAG_DROPPED) != 0,
        (from[8] & FLAG_HOLES) != 0);
  }
}
