package io.coppice.common.platform;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

final class LargeMemoryTest {
  private static final long SIZE = 48L << 20;
  private static final long HUGE_PAGE_SIZE_BYTES = 2 << 20;

  @Test
  void canBeWrittenFromOneEndToTheOther() {
    try (Arena arena = Arena.ofShared()) {
      MemorySegment memory = LargeMemory.allocate(SIZE, arena);
      assertThat(memory.byteSize()).isEqualTo(SIZE);
      assertThat(memory.address() % HUGE_PAGE_SIZE_BYTES).isZero();
      for (long at = 0; at < SIZE; at += 4_096) {
        memory.set(JAVA_LONG, at, at);
      }
      memory.set(JAVA_LONG, SIZE - Long.BYTES, 7);
      assertThat(memory.get(JAVA_LONG, SIZE - 4_096)).isEqualTo(SIZE - 4_096);
      assertThat(memory.get(JAVA_LONG, SIZE - Long.BYTES)).isEqualTo(7);
    }
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void goesWithItsArena() throws Exception {
    MemorySegment memory;
    try (Arena arena = Arena.ofShared()) {
      memory = LargeMemory.allocate(SIZE, arena);
      assertThat(isMapped(memory.address())).isTrue();
      assertThat(isMapped(memory.address() + SIZE - 1)).isTrue();
    }
    assertThat(isMapped(memory.address())).isFalse();
    assertThat(isMapped(memory.address() + SIZE - 1)).isFalse();
    assertThatThrownBy(() -> memory.get(JAVA_LONG, 0)).isInstanceOf(IllegalStateException.class);
  }

  private static boolean isMapped(long address) throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/maps"))) {
      int dash = line.indexOf('-');
      long from = Long.parseUnsignedLong(line, 0, dash, 16);
      long to = Long.parseUnsignedLong(line, dash + 1, line.indexOf(' '), 16);
      if (Long.compareUnsigned(address, from) >= 0 && Long.compareUnsigned(address, to) < 0) {
        return true;
      }
    }
    return false;
  }
}
