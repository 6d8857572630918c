package io.coppice.pageserver.layer;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class ChunkPoolTest {
  private final ChunkPool pool = new ChunkPool();

  @Test
  void lendsAgainWhatCameBack() {
    long address;
    try (Arena arena = Arena.ofShared()) {
      address = pool.lend(arena).address();
      assertThat(pool.lendIdle(arena)).isNull();
    }
    try (Arena arena = Arena.ofShared()) {
      MemorySegment again = pool.lend(arena);
      assertThat(again.address()).isEqualTo(address);
      assertThat(again.byteSize()).isEqualTo(ChunkPool.CHUNK_SIZE_BYTES);
    }
  }

  /** A writer whose timeline was closed must not write into another one's layer. */
  @Test
  void refusesUsesByABorrowerThatHasGivenBack() {
    MemorySegment early;
    try (Arena arena = Arena.ofShared()) {
      early = pool.lend(arena);
    }
    try (Arena arena = Arena.ofShared()) {
      MemorySegment late = pool.lend(arena);
      assertThat(late.address()).isEqualTo(early.address());
      assertThatThrownBy(() -> early.set(JAVA_LONG, 0, 1))
          .isInstanceOf(IllegalStateException.class);
    }
  }

  private void lendAndTakeBack(int chunks) {
    List<Long> addresses = new ArrayList<>();
    try (Arena arena = Arena.ofShared()) {
      for (int i = 0; i < chunks; i++) {
        addresses.add(pool.lend(arena).address());
      }
      assertThat(addresses).doesNotHaveDuplicates();
    }
  }

  private int countIdle() {
    int count = 0;
    try (Arena arena = Arena.ofShared()) {
      while (pool.lendIdle(arena) != null) {
        count++;
      }
    }
    return count;
  }

  @Test
  void keepsWhatWasInUseTogether() {
    lendAndTakeBack(4);
    assertThat(countIdle()).isEqualTo(4);
  }

  @Test
  void freesWhatHasBeenOfNoUseForLong() {
    pool.setNow(1_000);
    lendAndTakeBack(4);
    pool.setNow(2_000);
    lendAndTakeBack(1); // Makes one of them younger.
    pool.setNow(1_000 + ChunkPool.IDLE_MILLIS_MAX);
    assertThat(countIdle()).isEqualTo(4);
    lendAndTakeBack(3);
    pool.setNow(1_001 + 2 * ChunkPool.IDLE_MILLIS_MAX);
    assertThat(countIdle()).isZero();
  }

  @Test
  void keepsNothingOnceClosed() {
    try (Arena arena = Arena.ofShared()) {
      var _ = pool.lend(arena);
      pool.close();
    }
    try (Arena arena = Arena.ofShared()) {
      assertThat(pool.lendIdle(arena)).isNull();
    }
  }
}
