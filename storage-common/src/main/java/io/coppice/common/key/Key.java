package io.coppice.common.key;

import io.coppice.common.id.RelationTag;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * The address of one value in a timeline: 18 bytes, big endian, ordered as unsigned bytes.
 *
 * <pre>
 *  0      1            5            9            13     14           18
 *  +------+------------+------------+------------+------+------------+
 *  | f1   | f2         | f3         | f4         | f5   | f6         |
 *  | u8   | u32        | u32        | u32        | u8   | u32        |
 *  +------+------------+------------+------------+------+------------+
 * </pre>
 *
 * The fields' meaning depends on f1; {@code docs/file-formats.md} has the table. A relation's
 * blocks lie side by side, and its size sorts right behind its last block.
 *
 * <p>Keys with f1 in [0x60, 0x7F) are <em>sparse</em>: one that is absent is not an error, and an
 * empty value says it was deleted.
 */
public record Key(int field1, int field2, int field3, int field4, int field5, int field6)
    implements Comparable<Key> {

  /** Length of the encoded form. */
  public static final int SIZE_BYTES = 18;

  /** Below every key. */
  public static final Key MIN = new Key(0, 0, 0, 0, 0, 0);

  /** Above every key that is used. */
  public static final Key MAX = new Key(0xFF, -1, -1, -1, 0xFF, -1);

  private static final int FIELD1_RELATION = 0x00;
  private static final int FIELD6_SIZE = 0xFFFF_FFFF;
  private static final int SPARSE_FROM = 0x60;
  private static final int SPARSE_TO = 0x7F;

  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);

  /** The block of a relation's fork. */
  public static Key relationBlock(RelationTag tag, int block) {
    return new Key(FIELD1_RELATION, tag.spcOid(), tag.dbOid(), tag.relNumber(), tag.fork(), block);
  }

  /** The size of a relation's fork in blocks. */
  public static Key relationSize(RelationTag tag) {
    return relationBlock(tag, FIELD6_SIZE);
  }

  /** Whether this addresses a block, main data or not, of a relation. */
  public boolean isRelationBlock() {
    return field1 == FIELD1_RELATION && field4 != 0 && field6 != FIELD6_SIZE;
  }

  /** Whether an absent value is an ordinary answer here. */
  public boolean isSparse() {
    return field1 >= SPARSE_FROM && field1 < SPARSE_TO;
  }

  /** The relation fork that this key's block or size belongs to. */
  public RelationTag relationTag() {
    return new RelationTag(field2, field3, field4, field5);
  }

  /** Reads the encoded form. */
  public static Key read(byte[] from, int offset) {
    return new Key(
        from[offset] & 0xFF,
        (int) INT.get(from, offset + 1),
        (int) INT.get(from, offset + 5),
        (int) INT.get(from, offset + 9),
        from[offset + 13] & 0xFF,
        (int) INT.get(from, offset + 14));
  }

  /** Writes the encoded form, {@link #SIZE_BYTES} long. */
  public void write(byte[] to, int offset) {
    to[offset] = (byte) field1;
    INT.set(to, offset + 1, field2);
    INT.set(to, offset + 5, field3);
    INT.set(to, offset + 9, field4);
    to[offset + 13] = (byte) field5;
    INT.set(to, offset + 14, field6);
  }

  /** The smallest key above this one. */
  public Key next() {
    if (field6 != -1) {
      return new Key(field1, field2, field3, field4, field5, field6 + 1);
    }
    if (field5 != 0xFF) {
      return new Key(field1, field2, field3, field4, field5 + 1, 0);
    }
    if (field4 != -1) {
      return new Key(field1, field2, field3, field4 + 1, 0, 0);
    }
    if (field3 != -1) {
      return new Key(field1, field2, field3 + 1, 0, 0, 0);
    }
    if (field2 != -1) {
      return new Key(field1, field2 + 1, 0, 0, 0, 0);
    }
    return new Key(field1 + 1, 0, 0, 0, 0, 0);
  }

  @Override
  public int compareTo(Key other) {
    int order = Integer.compare(field1, other.field1);
    if (order == 0) {
      order = Integer.compareUnsigned(field2, other.field2);
    }
    if (order == 0) {
      order = Integer.compareUnsigned(field3, other.field3);
    }
    if (order == 0) {
      order = Integer.compareUnsigned(field4, other.field4);
    }
    if (order == 0) {
      order = Integer.compare(field5, other.field5);
    }
    return order != 0 ? order : Integer.compareUnsigned(field6, other.field6);
  }

  /** 36 upper-case hexadecimal digits. */
  @Override
  public String toString() {
    return "%02X%08X%08X%08X%02X%08X".formatted(field1, field2, field3, field4, field5, field6);
  }
}
