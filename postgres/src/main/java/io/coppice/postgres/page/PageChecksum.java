package io.coppice.postgres.page;

import io.coppice.postgres.bytes.LittleEndian;

/** Postgres's page checksum ({@code storage/checksum_impl.h}): 32 parallel FNV-1a-like sums. */
public final class PageChecksum {
  private static final int SUMS = 32;
  private static final int ROUND_BYTES = SUMS * 4;
  private static final int PRIME = 16777619;
  private static final int[] START = {
    0x5B1F36E9, 0xB8525960, 0x02AB50AA, 0x1DE66D2A, 0x79FF467A, 0x9BB9F8A3, 0x217E7CD2, 0x83E13D2C,
    0xF8D4474F, 0xE39EB970, 0x42C6AE16, 0x993216FA, 0x7B093B5D, 0x98DAFF3C, 0xF718902A, 0x0B1C9CDB,
    0xE58F764B, 0x187636BC, 0x5D7B3BB1, 0xE73DE7DE, 0x92BEC979, 0xCCA6C0B2, 0x304A0979, 0x85AA43D4,
    0x783125BB, 0x6CA8EAA2, 0xE407EAC6, 0x4B5CFC3E, 0x9FBF8C76, 0x15CA20BE, 0xF2CA9FD3, 0x959BD756
  };

  /** The checksum field lies in the first round, in the low half of the word of this sum. */
  private static final int CHECKSUM_SUM = Page.CHECKSUM_AT / 4;

  private PageChecksum() {}

  /**
   * The checksum that the page should carry at that block; what it carries now plays no part.
   *
   * @param blockNumber counted over the whole fork, not within a 1 GiB segment
   */
  public static int checksum(byte[] page, int blockNumber) {
    int result = 0;
    for (int sum = 0; sum < SUMS; sum++) {
      int value = START[sum];
      for (int at = sum * 4; at < Page.SIZE_BYTES; at += ROUND_BYTES) {
        int word = LittleEndian.i32(page, at);
        value = mix(value, at == CHECKSUM_SUM * 4 ? word & 0xFFFF_0000 : word);
      }
      result ^= mix(mix(value, 0), 0);
    }
    return Integer.remainderUnsigned(result ^ blockNumber, 65535) + 1;
  }

  /** Writes it into the page's header. A page that was never initialised has none. */
  public static void set(byte[] page, int blockNumber) {
    if (!Page.isNew(page)) {
      Page.setChecksum(page, checksum(page, blockNumber));
    }
  }

  private static int mix(int sum, int word) {
    int mixed = sum ^ word;
    return (mixed * PRIME) ^ (mixed >>> 17);
  }
}
