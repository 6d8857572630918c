package io.coppice.postgres.page;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.postgres.bytes.LittleEndian;
import org.junit.jupiter.api.Test;

final class HeapFreeSpaceTest {
  private static final int TREE_AT = 28;
  private static final int SLOTS_AT = TREE_AT + 4095;

  /** A page of a heap with one tuple that leaves that much room. */
  private static byte[] heapPage(int freeBytes) {
    byte[] page = new byte[Page.SIZE_BYTES];
    Page.init(page, 0);
    int lower = Page.HEADER_BYTES + Page.LINE_POINTER_BYTES;
    int upper = lower + Page.LINE_POINTER_BYTES + freeBytes;
    Page.setLower(page, lower);
    Page.setUpper(page, upper);
    int length = Page.SIZE_BYTES - upper;
    Page.setLinePointer(page, 1, Page.packLinePointer(upper, Page.LP_NORMAL, length));
    page[upper + HeapTuple.HEADER_LENGTH_AT] = 24;
    return page;
  }

  private static FreeSpaceMap mapOf(byte[]... pages) {
    HeapFreeSpace freeSpace = new HeapFreeSpace(pages.length);
    for (byte[] page : pages) {
      freeSpace.add(page);
    }
    return freeSpace.map().orElseThrow();
  }

  private static boolean isMapped(byte[]... pages) {
    HeapFreeSpace freeSpace = new HeapFreeSpace(pages.length);
    for (byte[] page : pages) {
      freeSpace.add(page);
    }
    return freeSpace.map().isPresent();
  }

  @Test
  void leavesHaveTheCategoriesOfTheirBlocks() {
    byte[] blank = new byte[Page.SIZE_BYTES];
    byte[] empty = new byte[Page.SIZE_BYTES];
    Page.init(empty, 0);
    byte[] full = heapPage(0);
    FreeSpaceMap map =
        mapOf(heapPage(31), heapPage(32), heapPage(8_000), blank, empty, full, heapPage(4_000));
    assertThat(map.pages()).isEqualTo(3);
    byte[] leaf = map.page(2);
    assertThat(leaf).startsWith(new byte[12]).containsSequence(slots(0, 1, 250, 255, 255, 0, 125));
    assertThat(leaf[SLOTS_AT + 2] & 0xFF).isEqualTo(250);
    assertThat(Page.lower(leaf)).isEqualTo(Page.HEADER_BYTES);
    assertThat(Page.upper(leaf)).isEqualTo(Page.SIZE_BYTES);
  }

  private static byte[] slots(int... categories) {
    byte[] bytes = new byte[categories.length];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) categories[i];
    }
    return bytes;
  }

  /** As Postgres's {@code fsm_rebuild_page} would find nothing to do. */
  @Test
  void eachNodeIsTheLargerOfItsChildren() {
    int blocks = FreeSpaceMap.SLOTS_PER_PAGE * 2 + 7;
    byte[][] pages = new byte[blocks][];
    for (int block = 0; block < blocks; block++) {
      pages[block] = heapPage(block * 37 % 7_000);
    }
    FreeSpaceMap map = mapOf(pages);
    assertThat(map.pages()).isEqualTo(5);
    for (int block = 0; block < map.pages(); block++) {
      byte[] page = map.page(block);
      for (int node = 0; node < 4095; node++) {
        assertThat(node(page, node))
            .isEqualTo(Math.max(node(page, 2 * node + 1), node(page, 2 * node + 2)));
      }
    }
    for (int leaf = 0; leaf < 3; leaf++) {
      assertThat(map.page(1)[SLOTS_AT + leaf]).isEqualTo(map.page(leaf + 2)[TREE_AT]);
    }
    assertThat(map.page(0)[SLOTS_AT]).isEqualTo(map.page(1)[TREE_AT]);
    assertThat(map.page(2)[SLOTS_AT + 100] & 0xFF).isEqualTo(3_700 / 32);
    assertThat(map.page(4)[SLOTS_AT + 6] & 0xFF).isEqualTo((blocks - 1) * 37 % 7_000 / 32);
  }

  private static int node(byte[] page, int node) {
    return TREE_AT + node < Page.SIZE_BYTES ? page[TREE_AT + node] & 0xFF : 0;
  }

  @Test
  void knowsOnWhichPageABlockIs() {
    int slots = FreeSpaceMap.SLOTS_PER_PAGE;
    assertThat(FreeSpaceMap.mapBlock(0)).isEqualTo(2);
    assertThat(FreeSpaceMap.mapBlock(slots)).isEqualTo(3);
    assertThat(FreeSpaceMap.mapBlock((long) slots * slots - 1)).isEqualTo(slots + 1);
    assertThat(FreeSpaceMap.mapBlock((long) slots * slots)).isEqualTo(slots + 3);
  }

  @Test
  void pagesPastTheFirstMiddleOneAreInPlace() {
    int slots = FreeSpaceMap.SLOTS_PER_PAGE;
    byte[] categories = new byte[slots * slots + 3];
    categories[slots * slots + 2] = 77;
    FreeSpaceMap map = new FreeSpaceMap(categories, categories.length);
    assertThat(map.pages()).isEqualTo(1 + 2 + slots + 1);
    byte[] leaf = map.page((int) FreeSpaceMap.mapBlock((long) slots * slots));
    assertThat(leaf[SLOTS_AT + 2]).isEqualTo((byte) 77);
    assertThat(map.page(slots + 2)[SLOTS_AT]).isEqualTo((byte) 77);
    assertThat(map.page(0)[SLOTS_AT + 1]).isEqualTo((byte) 77);
    assertThat(map.page(0)[SLOTS_AT]).isZero();
  }

  @Test
  void onlyHeapsHaveMaps() {
    byte[] heap = heapPage(100);
    assertThat(isMapped(heap, heap, heap, heap, heap)).isTrue();
    assertThat(isMapped(heap, heap, heap, heap)).as("too small").isFalse();
    byte[] full = heapPage(0);
    assertThat(isMapped(full, full, full, full, full)).as("no room at all").isFalse();
    byte[] blank = new byte[Page.SIZE_BYTES];
    assertThat(isMapped(blank, blank, blank, blank, blank)).as("whose pages?").isFalse();
    byte[] index = new byte[Page.SIZE_BYTES];
    Page.init(index, 8);
    assertThat(isMapped(heap, heap, heap, heap, index)).as("special area").isFalse();
    byte[] notTuple = heapPage(100);
    notTuple[Page.itemOffset(Page.linePointer(notTuple, 1)) + HeapTuple.HEADER_LENGTH_AT] = 3;
    assertThat(isMapped(heap, heap, heap, heap, notTuple)).as("no tuple").isFalse();
    byte[] otherLayout = heapPage(100);
    LittleEndian.putU16(otherLayout, 18, 4_096 | 4);
    assertThat(isMapped(heap, heap, heap, heap, otherLayout)).as("layout").isFalse();
  }

  @Test
  void pageWithoutFreeLinePointerHasNoRoom() {
    byte[] page = new byte[Page.SIZE_BYTES];
    Page.init(page, 0);
    Page.setLower(page, Page.HEADER_BYTES + Page.HEAP_TUPLES_MAX * Page.LINE_POINTER_BYTES);
    for (int i = 1; i <= Page.HEAP_TUPLES_MAX; i++) {
      Page.setLinePointer(page, i, Page.packLinePointer(0, Page.LP_DEAD, 0));
    }
    byte[] heap = heapPage(320);
    assertThat(mapOf(page, heap, heap, heap, heap).page(2)[SLOTS_AT]).isZero();
    Page.setLinePointer(page, 200, 0);
    assertThat(mapOf(page, heap, heap, heap, heap).page(2)[SLOTS_AT]).isZero();
    Page.setFlag(page, Page.HAS_FREE_LINES, true);
    assertThat(mapOf(page, heap, heap, heap, heap).page(2)[SLOTS_AT] & 0xFF).isEqualTo(218);
  }
}
