package io.coppice.fuzz;

import io.coppice.postgres.version.PostgresVersion;
import java.util.Arrays;

/** Takes an input apart; past its end come zeros. */
final class InputReader {
  private final byte[] input;
  private int at;

  InputReader(byte[] input) {
    this.input = input;
  }

  int u8() {
    return at < input.length ? input[at++] & 0xFF : 0;
  }

  int u16() {
    return u8() | u8() << 8;
  }

  PostgresVersion version() {
    PostgresVersion[] all = PostgresVersion.values();
    return all[Math.floorMod(u8() - all[0].major(), all.length)];
  }

  byte[] bytes(int length) {
    byte[] bytes = Arrays.copyOfRange(input, Math.min(at, input.length), at + length);
    at += length;
    return bytes;
  }

  byte[] rest() {
    byte[] rest = Arrays.copyOfRange(input, Math.min(at, input.length), input.length);
    at = input.length;
    return rest;
  }
}
