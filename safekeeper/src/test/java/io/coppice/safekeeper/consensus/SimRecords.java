package io.coppice.safekeeper.consensus;

import java.util.Arrays;
import java.util.random.RandomGenerator;

/**
 * Records of the simulated log: length, payload, and four bytes of a hash over position and
 * payload. A zero where a length should be is the end of the log.
 */
final class SimRecords {
  private static final int HASH_SIZE_BYTES = 4;
  static final int SIZE_BYTES_MAX = 1 + 20 + HASH_SIZE_BYTES;

  private SimRecords() {}

  static byte[] random(RandomGenerator random, int position) {
    byte[] record = new byte[1 + 1 + random.nextInt(20) + HASH_SIZE_BYTES];
    random.nextBytes(record);
    record[0] = (byte) record.length;
    putHash(record, record.length, 0, position);
    return record;
  }

  private static void putHash(byte[] record, int length, int offset, int position) {
    int hash = hash(record, length, offset, position);
    for (int i = 0; i < HASH_SIZE_BYTES; i++) {
      record[offset + length - HASH_SIZE_BYTES + i] = (byte) (hash >>> (8 * i));
    }
  }

  private static int hash(byte[] bytes, int length, int offset, int position) {
    byte[] payload = Arrays.copyOfRange(bytes, offset, offset + length - HASH_SIZE_BYTES);
    return Arrays.hashCode(payload) * 31 * 31 + (position + 1) * 0x9E3779B9;
  }

  /** End of the last whole and valid record, from a boundary on. */
  static int end(byte[] log, int from, int limit) {
    int at = from;
    while (at < limit) {
      int length = log[at];
      if (length <= HASH_SIZE_BYTES || length > SIZE_BYTES_MAX || at + length > limit) {
        return at;
      }
      byte[] copy = Arrays.copyOfRange(log, at, at + length);
      putHash(copy, length, 0, at);
      if (!Arrays.equals(copy, Arrays.copyOfRange(log, at, at + length))) {
        return at;
      }
      at += length;
    }
    return at;
  }
}
