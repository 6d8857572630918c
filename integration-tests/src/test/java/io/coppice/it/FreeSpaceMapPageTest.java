package io.coppice.it;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class FreeSpaceMapPageTest {
  private static final int LEAVES_AT = 24 + 4 + 4095;

  private static byte[] page() {
    byte[] page = new byte[8192];
    page[12] = 24; // lower
    page[15] = 0x20; // upper
    page[17] = 0x20; // special
    page[18] = 4; // layout version
    page[19] = 0x20; // size
    return page;
  }

  @Test
  void knowsWhichHeapBlocksAPageIsAbout() {
    assertThat(FreeSpaceMapPage.firstHeapBlock(0)).isNegative();
    assertThat(FreeSpaceMapPage.firstHeapBlock(1)).isNegative();
    assertThat(FreeSpaceMapPage.firstHeapBlock(2)).isZero();
    assertThat(FreeSpaceMapPage.firstHeapBlock(3)).isEqualTo(4069);
  }

  @Test
  void seesAClaimPastTheEnd() {
    byte[] page = page();
    page[LEAVES_AT + 6] = 100;
    assertThat(FreeSpaceMapPage.problem(page, 2, 7)).isEmpty();
    assertThat(FreeSpaceMapPage.problem(page, 2, 6))
        .hasValueSatisfying(problem -> assertThat(problem).contains("heap block 6"));
  }

  @Test
  void seesADamagedHeader() {
    byte[] page = page();
    page[12] = 23;
    assertThat(FreeSpaceMapPage.problem(page, 2, 7)).isPresent();
  }
}
