package io.coppice.postgres.redo;

import io.coppice.postgres.bytes.LittleEndian;
import java.util.Arrays;

/**
 * A byte array that grows as it is written to, and is reused: {@link #reset} keeps the memory. The
 * bytes written so far are the first {@link #length} of {@link #bytes}, which is a new array
 * whenever it has grown.
 */
public final class ByteSink {
  private static final int INITIAL_BYTES = 16 * 1024;

  private byte[] bytes = new byte[INITIAL_BYTES];
  private int length;

  public byte[] bytes() {
    return bytes;
  }

  public int length() {
    return length;
  }

  public ByteSink reset() {
    length = 0;
    return this;
  }

  public byte[] toByteArray() {
    return Arrays.copyOf(bytes, length);
  }

  public ByteSink put8(int value) {
    bytes[reserve(1)] = (byte) value;
    return this;
  }

  public ByteSink put16(int value) {
    int at = reserve(2);
    LittleEndian.putU16(bytes, at, value);
    return this;
  }

  public ByteSink put32(int value) {
    int at = reserve(4);
    LittleEndian.putI32(bytes, at, value);
    return this;
  }

  public ByteSink put(byte[] from, int offset, int count) {
    int at = reserve(count);
    System.arraycopy(from, offset, bytes, at, count);
    return this;
  }

  private int reserve(int count) {
    int at = length;
    int needed = Math.addExact(at, count);
    if (needed > bytes.length) {
      bytes = Arrays.copyOf(bytes, Math.max(needed, bytes.length * 2));
    }
    length = needed;
    return at;
  }
}
