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
  private final ChunkPool pool = new ChunkPool(2);

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

  @Test
  void keepsFewChunks() {
    List<Long> addresses = new ArrayList<>();
    try (Arena arena = Arena.ofShared()) {
      for (int i = 0; i < 4; i++) {
        addresses.add(pool.lend(arena).address());
      }
      assertThat(addresses).doesNotHaveDuplicates();
    }
    try (Arena arena = Arena.ofShared()) {
      assertThat(pool.lendIdle(arena)).isNotNull();
      assertThat(pool.lendIdle(arena)).isNotNull();
      assertThat(pool.lendIdle(arena)).isNull();
    }
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
