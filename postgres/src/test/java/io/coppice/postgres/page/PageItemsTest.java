package io.coppice.postgres.page;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.testsupport.Seeded;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class PageItemsTest {
  private final PageItems items = new PageItems();
  private final byte[] page = new byte[Page.SIZE_BYTES];

  private void add(int offsetNumber, int size, int fill, boolean overwrite)
      throws StorageException {
    int at = items.add(page, offsetNumber, size, overwrite, Page.HEAP_TUPLES_MAX);
    Arrays.fill(page, at, at + size, (byte) fill);
  }

  private byte[] item(int offsetNumber) {
    int linePointer = Page.linePointer(page, offsetNumber);
    int offset = Page.itemOffset(linePointer);
    return Arrays.copyOfRange(page, offset, offset + Page.itemLength(linePointer));
  }

  @Test
  void itemsFillThePageFromItsEnd() throws Exception {
    Page.init(page, 16);
    add(1, 10, 1, false);
    add(2, 8, 2, false);
    assertThat(Page.itemOffset(Page.linePointer(page, 1))).isEqualTo(8192 - 16 - 16);
    assertThat(Page.itemOffset(Page.linePointer(page, 2))).isEqualTo(8192 - 16 - 16 - 8);
    assertThat(Page.lower(page)).isEqualTo(24 + 8);
    assertThat(Page.upper(page)).isEqualTo(8192 - 40);
  }

  @Test
  void aNewIndexItemMovesTheLaterOnesUp() throws Exception {
    Page.init(page, 16);
    add(1, 8, 1, false);
    add(1, 8, 2, false);
    assertThat(item(1)).containsOnly(2);
    assertThat(item(2)).containsOnly(1);
  }

  @Test
  void aUsedOffsetOrOneFarOutIsRefused() throws Exception {
    Page.init(page, 0);
    add(1, 8, 1, true);
    assertThatThrownBy(() -> add(1, 8, 1, true)).isInstanceOf(StorageException.Corrupt.class);
    assertThatThrownBy(() -> add(3, 8, 1, true)).isInstanceOf(StorageException.Corrupt.class);
    assertThatThrownBy(() -> add(2, 8160, 1, true)).isInstanceOf(StorageException.Corrupt.class);
  }

  @Test
  void fewIndexDeletionsKeepTheOrderOfItemsManyPutItRight() throws Exception {
    for (int deletes : new int[] {2, 3}) {
      Page.init(page, 16);
      for (int i = 0; i < 6; i++) {
        add(1, 8, 6 - i, false);
      }
      byte[] offsets = {2, 0, 4, 0, 6, 0};
      items.deleteManyFromIndex(page, offsets, 0, deletes);
      int left = 6 - deletes;
      assertThat(Page.itemCount(page)).isEqualTo(left);
      boolean firstLiesLast =
          Page.itemOffset(Page.linePointer(page, 1)) > Page.itemOffset(Page.linePointer(page, 2));
      assertThat(firstLiesLast).isEqualTo(deletes > 2);
      assertThat(item(1)).containsOnly(1);
      assertThat(item(2)).containsOnly(3);
      assertThat(item(3)).containsOnly(5);
    }
  }

  @Test
  void unusedLinePointersAtTheEndAreDroppedAllButOne() throws Exception {
    Page.init(page, 0);
    for (int i = 1; i <= 5; i++) {
      add(i, 8, i, true);
    }
    for (int i = 1; i <= 5; i++) {
      Page.setLinePointer(page, i, 0);
    }
    PageItems.truncateLinePointers(page);
    assertThat(Page.itemCount(page)).isEqualTo(1);
    assertThat(Page.hasFlag(page, Page.HAS_FREE_LINES)).isTrue();
    items.repairFragmentation(page, true);
    assertThat(Page.itemCount(page)).isZero();
    assertThat(Page.hasFlag(page, Page.HAS_FREE_LINES)).isFalse();
    assertThat(Page.upper(page)).isEqualTo(Page.SIZE_BYTES);
  }

  @Seeded(tries = 200)
  void repairKeepsItemsAndPacksThemInTheOrderOfTheirLinePointers(long seed) throws Exception {
    Random random = new Random(seed);
    Page.init(page, 0);
    List<byte[]> expected = new ArrayList<>();
    for (int i = 1; i <= 40; i++) {
      // Inserting in the middle shuffles where items lie against their line pointers.
      int at = random.nextInt(3) == 0 ? 1 + random.nextInt(i) : i;
      int size = 1 + random.nextInt(150);
      add(at, size, random.nextInt(), false);
      expected.add(at - 1, item(at));
    }
    for (int i = 1; i <= 40; i++) {
      if (random.nextInt(3) == 0) {
        Page.setLinePointer(page, i, 0);
        expected.set(i - 1, new byte[0]);
      }
    }
    items.repairFragmentation(page, true);
    int end = Page.SIZE_BYTES;
    for (int i = 1; i <= Page.itemCount(page); i++) {
      assertThat(item(i)).isEqualTo(expected.get(i - 1));
      if (item(i).length > 0) {
        end -= Page.aligned(item(i).length);
        assertThat(Page.itemOffset(Page.linePointer(page, i))).isEqualTo(end);
      }
    }
    assertThat(Page.upper(page)).isEqualTo(end);
  }
}
