package io.coppice.compute.proposer;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.id.Lsn;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What is read is what was added, wherever a piece begins. */
final class RecentWalTest {
  private static final Lsn START = new Lsn(1 << 20);
  private static final int SIZE_BYTES = 4_000;
  private static final int PIECE_SIZE_BYTES_MAX = 300;

  @Test
  void readsAcrossPieces() {
    Random random = new Random(7);
    byte[] all = new byte[SIZE_BYTES];
    random.nextBytes(all);
    RecentWal wal = new RecentWal(START, 1 << 20);
    int added = 0;
    while (added < SIZE_BYTES) {
      int size = Math.min(1 + random.nextInt(PIECE_SIZE_BYTES_MAX), SIZE_BYTES - added);
      wal.add(START.plus(added), Arrays.copyOfRange(all, added, added + size));
      added += size;
    }

    for (int from = 0; from < SIZE_BYTES; from++) {
      for (int limit : new int[] {1, PIECE_SIZE_BYTES_MAX, 1_000, SIZE_BYTES}) {
        int length = Math.min(limit, SIZE_BYTES - from);
        assertThat(wal.read(START.plus(from), limit))
            .as("%d bytes from %d", limit, from)
            .isEqualTo(ByteBuffer.wrap(all, from, length));
      }
    }
  }
}
