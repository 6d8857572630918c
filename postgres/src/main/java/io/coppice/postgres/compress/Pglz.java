package io.coppice.postgres.compress;

import io.coppice.common.error.StorageException;

/**
 * PostgreSQL's own LZ compression ({@code pg_lzcompress.c}).
 *
 * <pre>
 * | control byte | item x 8 | control byte | item x 8 | ...      lowest bit first
 * bit 0: one byte as it is
 * bit 1: | offset 11..8, length - 3 | offset 7..0 | and, if that length is 18, one byte more of it
 * </pre>
 */
final class Pglz {
  private static final int LENGTH_MIN = 3;
  private static final int LENGTH_EXTENDED = 18;

  private Pglz() {}

  /** Fills {@code target[0, targetLength)} from all of the source, or fails. */
  static void decompress(
      byte[] source, int sourceOffset, int sourceLength, byte[] target, int targetLength)
      throws StorageException.Corrupt {
    int in = sourceOffset;
    int inEnd = sourceOffset + sourceLength;
    int out = 0;
    while (in < inEnd && out < targetLength) {
      int control = source[in++];
      for (int item = 0; item < 8 && in < inEnd && out < targetLength; item++, control >>= 1) {
        if ((control & 1) == 0) {
          target[out++] = source[in++];
          continue;
        }
        if (inEnd - in < 2) {
          throw corrupt("the input ends within a match", in - sourceOffset, out);
        }
        int length = (source[in] & 0x0F) + LENGTH_MIN;
        int distance = ((source[in] & 0xF0) << 4) | (source[in + 1] & 0xFF);
        in += 2;
        if (length == LENGTH_EXTENDED) {
          if (in == inEnd) {
            throw corrupt("the input ends within a match", in - sourceOffset, out);
          }
          length += source[in++] & 0xFF;
        }
        if (distance == 0 || distance > out) {
          throw corrupt("a match goes back by " + distance, in - sourceOffset, out);
        }
        length = Math.min(length, targetLength - out);
        copy(target, out, distance, length);
        out += length;
      }
    }
    if (out != targetLength || in != inEnd) {
      throw corrupt(
          "expected %d bytes from %d".formatted(targetLength, sourceLength),
          in - sourceOffset,
          out);
    }
  }

  /** Source and target may overlap: then what was just written is repeated. */
  private static void copy(byte[] target, int to, int distance, int length) {
    if (distance >= length) {
      System.arraycopy(target, to - distance, target, to, length);
      return;
    }
    for (int i = to; i < to + length; i++) {
      target[i] = target[i - distance];
    }
  }

  private static StorageException.Corrupt corrupt(String problem, int in, int out) {
    return new StorageException.Corrupt(
        "pglz: %s (after %d bytes in, %d out)".formatted(problem, in, out));
  }
}
