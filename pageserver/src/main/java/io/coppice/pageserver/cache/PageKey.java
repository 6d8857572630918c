package io.coppice.pageserver.cache;

import io.coppice.common.key.Key;

/** Which page of whom, in few words. */
record PageKey(long owner, long high, long low, int kind) {
  private static final int HAS_CHECKSUM = 1 << 16;

  static PageKey of(PageCache.Owner owner, Key key, boolean hasChecksum) {
    return new PageKey(
        owner.number(),
        (long) key.field2() << 32 | (key.field3() & 0xFFFF_FFFFL),
        (long) key.field4() << 32 | (key.field6() & 0xFFFF_FFFFL),
        key.field1() << 8 | key.field5() | (hasChecksum ? HAS_CHECKSUM : 0));
  }

  /** Spread well in both halves. */
  long hash() {
    long h = owner * 0x9E37_79B9_7F4A_7C15L + high;
    h = (h ^ h >>> 32) * 0xD6E8_FEB8_6659_FD93L + low;
    h = (h ^ h >>> 29) * 0x9E37_79B9_7F4A_7C15L + kind;
    h = (h ^ h >>> 32) * 0xD6E8_FEB8_6659_FD93L;
    return h ^ h >>> 32;
  }
}
