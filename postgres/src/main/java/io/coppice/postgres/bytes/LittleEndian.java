package io.coppice.postgres.bytes;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Little-endian numbers at any offset of a byte array. Out of bounds is an exception. */
public final class LittleEndian {
  private static final VarHandle SHORT =
      MethodHandles.byteArrayViewVarHandle(short[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private LittleEndian() {}

  /** An unsigned byte. */
  public static int u8(byte[] bytes, int offset) {
    return bytes[offset] & 0xFF;
  }

  /** An unsigned 16-bit number. */
  public static int u16(byte[] bytes, int offset) {
    return (short) SHORT.get(bytes, offset) & 0xFFFF;
  }

  /** A 32-bit number; unsigned ones keep their bits. */
  public static int i32(byte[] bytes, int offset) {
    return (int) INT.get(bytes, offset);
  }

  /** An unsigned 32-bit number. */
  public static long u32(byte[] bytes, int offset) {
    return (int) INT.get(bytes, offset) & 0xFFFF_FFFFL;
  }

  /** A 64-bit number; unsigned ones keep their bits. */
  public static long i64(byte[] bytes, int offset) {
    return (long) LONG.get(bytes, offset);
  }

  public static void putU8(byte[] bytes, int offset, int value) {
    bytes[offset] = (byte) value;
  }

  public static void putU16(byte[] bytes, int offset, int value) {
    SHORT.set(bytes, offset, (short) value);
  }

  public static void putI32(byte[] bytes, int offset, int value) {
    INT.set(bytes, offset, value);
  }

  public static void putI64(byte[] bytes, int offset, long value) {
    LONG.set(bytes, offset, value);
  }
}
