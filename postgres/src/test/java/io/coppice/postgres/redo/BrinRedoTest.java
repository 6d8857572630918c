package io.coppice.postgres.redo;

import static io.coppice.postgres.bytes.LittleEndian.u16;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.page.BrinPage;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.record.RecordKind;
import io.coppice.postgres.record.ResourceManager;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Damage, and what a server hardly ever writes. What it does write is compared with its pages. */
final class BrinRedoTest {
  private static final int PAGES_PER_RANGE = 128;
  private static final int RANGES_PER_MAP_PAGE = 1360;

  private final byte[] meta = new byte[Page.SIZE_BYTES];
  private final byte[] map = new byte[Page.SIZE_BYTES];
  private final byte[] regular = new byte[Page.SIZE_BYTES];

  @BeforeEach
  void pages() throws Exception {
    BrinPage.initMeta(meta, PAGES_PER_RANGE, 1);
    BrinPage.init(map, BrinPage.MAP);
    BrinPage.init(regular, BrinPage.REGULAR);
    for (int i = 1; i <= 4; i++) {
      insert(0, i, 0).applyTo(regular);
    }
  }

  private static BlockRecord record(int kind, int blockId) {
    return new BlockRecord(ResourceManager.BRIN, kind, blockId);
  }

  private static void summary(ByteSink to) {
    to.put32(0).put32(0x1234);
  }

  private static BlockRecord insert(int blockId, int offsetNumber, int heapBlock) {
    return record(RecordKind.BRIN_INSERT, blockId)
        .main(to -> to.put32(heapBlock).put32(PAGES_PER_RANGE).put16(offsetNumber))
        .data(BrinRedoTest::summary);
  }

  private static BlockRecord update(int blockId, int oldOffsetNumber) {
    return record(RecordKind.BRIN_UPDATE, blockId)
        .main(to -> to.put16(oldOffsetNumber).put16(0).put32(0).put32(PAGES_PER_RANGE).put16(5))
        .data(BrinRedoTest::summary);
  }

  private static BlockRecord updateOnPage(int offsetNumber) {
    return record(RecordKind.BRIN_SAMEPAGE_UPDATE, 0)
        .main(to -> to.put16(offsetNumber))
        .data(BrinRedoTest::summary);
  }

  private static BlockRecord extend(int blockId) {
    return record(RecordKind.BRIN_REVMAP_EXTEND, blockId).main(to -> to.put32(2));
  }

  private static BlockRecord desummarize(int blockId, int offsetNumber) {
    return record(RecordKind.BRIN_DESUMMARIZE, blockId)
        .main(to -> to.put32(PAGES_PER_RANGE).put32(0).put16(offsetNumber));
  }

  @Test
  void offsetNumbersOfOtherSummariesStay() throws Exception {
    desummarize(1, 2).applyTo(regular);
    assertThat(Page.itemCount(regular)).isEqualTo(4);
    assertThat(Page.linePointer(regular, 2)).isZero();
    update(2, 4).applyTo(regular);
    assertThat(Page.itemCount(regular)).isEqualTo(3);
    insert(0, 2, 0).applyTo(regular);
    assertThat(Page.itemOffset(Page.linePointer(regular, 2))).isEqualTo(Page.upper(regular));
  }

  @Test
  void aHeapBlockPastTwoBillionHasItsPlaceInTheMap() throws Exception {
    int heapBlock = 0x9000_0000;
    insert(1, 3, heapBlock).other(0, 0x12345).applyTo(map);
    int range = Integer.divideUnsigned(heapBlock, PAGES_PER_RANGE) % RANGES_PER_MAP_PAGE;
    int at = Page.HEADER_BYTES + range * 6;
    assertThat(u16(map, at)).isEqualTo(1);
    assertThat(u16(map, at + 2)).isEqualTo(0x2345);
    assertThat(u16(map, at + 4)).isEqualTo(3);
  }

  @Test
  void aRecordThatIsCutIsCorrupt() {
    record(RecordKind.BRIN_CREATE_INDEX, 0)
        .main(to -> to.put32(PAGES_PER_RANGE).put16(1))
        .isCorruptWithLessMain(meta);
    insert(0, 5, 0).isCorruptWithLessMain(regular);
    insert(1, 5, 0).other(0, 3).isCorruptWithLessMain(map);
    insert(1, 5, 0).isCorruptFor(map);
    update(0, 1).isCorruptWithLessMain(regular);
    update(2, 1).isCorruptWithLessMain(regular);
    updateOnPage(1).isCorruptWithLessMain(regular);
    extend(0).isCorruptWithLessMain(meta);
    extend(1).isCorruptWithLessMain(map);
    desummarize(0, 1).isCorruptWithLessMain(map);
    desummarize(1, 1).isCorruptWithLessMain(regular);
  }

  @Test
  void numbersThatThePageDoesNotHaveAreCorrupt() {
    insert(0, 0, 0).isCorruptFor(regular);
    insert(0, 1, 0).isCorruptFor(regular);
    insert(0, 6, 0).isCorruptFor(regular);
    insert(0, 5, 0).data(to -> to.put(new byte[8_192], 0, 8_192)).isCorruptFor(regular);
    update(2, 0).isCorruptFor(regular);
    update(2, 5).isCorruptFor(regular);
    updateOnPage(5).isCorruptFor(regular);
    updateOnPage(1).data(to -> to.put(new byte[8_192], 0, 8_192)).isCorruptFor(regular);
    desummarize(1, 5).isCorruptFor(regular);
  }

  @Test
  void aRangeOfNoPagesIsCorrupt() {
    desummarize(0, 1).main(to -> to.put32(0).put32(7).put16(1)).isCorruptFor(map);
    insert(1, 1, 7).other(0, 3).main(to -> to.put32(7).put32(0).put16(1)).isCorruptFor(map);
  }

  @Test
  void onlyAPageOfTheRightTypeIsChanged() {
    insert(0, 5, 0).isCorruptFor(map);
    insert(1, 5, 0).other(0, 3).isCorruptFor(regular);
    update(2, 1).isCorruptFor(map);
    updateOnPage(1).isCorruptFor(map);
    extend(0).isCorruptFor(map);
    desummarize(0, 1).isCorruptFor(regular);
    desummarize(1, 1).isCorruptFor(map);
  }

  @Test
  void aBlockThatTheRecordCannotHaveIsNotReplayed() {
    for (BlockRecord record :
        new BlockRecord[] {
          record(RecordKind.BRIN_CREATE_INDEX, 1),
          insert(2, 5, 0),
          update(3, 1),
          record(RecordKind.BRIN_SAMEPAGE_UPDATE, 1),
          extend(2),
          desummarize(2, 1),
          record(0x60, 0)
        }) {
      assertThatThrownBy(() -> record.applyTo(regular.clone()))
          .isInstanceOf(StorageException.Unsupported.class);
    }
  }
}
