package io.coppice.fuzz;

import java.util.Arrays;
import java.util.random.RandomGenerator;

/** Damage that a disk, a bug or an attacker may do to bytes. */
final class Mutations {
  private static final int[] EXTREMES = {0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF};

  private Mutations() {}

  /** A damaged copy; sometimes shorter, never longer. The first byte, which chooses, stays. */
  static byte[] mutate(byte[] input, int from, RandomGenerator random) {
    byte[] damaged = input.clone();
    int changes = 1 + random.nextInt(3);
    for (int i = 0; i < changes && damaged.length > from + 4; i++) {
      int at = random.nextInt(from, damaged.length - 3);
      switch (random.nextInt(6)) {
        case 0 -> damaged[at] ^= (byte) (1 << random.nextInt(8));
        case 1 -> damaged[at] = (byte) random.nextInt();
        case 2 -> putU16(damaged, at, EXTREMES[random.nextInt(EXTREMES.length)]);
        case 3 -> {
          putU16(damaged, at, random.nextInt());
          putU16(damaged, at + 2, random.nextInt());
        }
        case 4 -> {
          int length = Math.min(1 + random.nextInt(64), damaged.length - at);
          int source = random.nextInt(from, damaged.length - length + 1);
          System.arraycopy(damaged, source, damaged, at, length);
        }
        default -> damaged = Arrays.copyOf(damaged, at);
      }
    }
    return damaged;
  }

  private static void putU16(byte[] bytes, int at, int value) {
    bytes[at] = (byte) value;
    bytes[at + 1] = (byte) (value >>> 8);
  }
}
