package io.coppice.postgres.redo;

import static io.coppice.postgres.bytes.LittleEndian.i32;
import static io.coppice.postgres.bytes.LittleEndian.putU16;
import static io.coppice.postgres.bytes.LittleEndian.u16;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.page.GinPage;
import io.coppice.postgres.page.GinSegment;
import io.coppice.postgres.page.HeapTuple;
import io.coppice.postgres.page.IndexTuple;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.record.RecordKind;
import io.coppice.postgres.record.ResourceManager;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a server hardly ever writes, and damage. What it does write is compared with its pages. */
final class GinRedoTest {
  private static final int IS_DATA = 1;
  private static final int IS_LEAF = 2;
  private static final int DELETE = 1;
  private static final int INSERT = 2;
  private static final int REPLACE = 3;
  private static final int ADD_ITEMS = 4;

  private final byte[] leaf = new byte[Page.SIZE_BYTES];
  private final byte[] inner = new byte[Page.SIZE_BYTES];
  private final byte[] entries = new byte[Page.SIZE_BYTES];
  private final byte[] list = new byte[Page.SIZE_BYTES];

  @BeforeEach
  void pages() throws Exception {
    GinPage.init(leaf, GinPage.DATA | GinPage.LEAF | GinPage.COMPRESSED);
    int end = GinPage.DATA_AT;
    for (byte[] segment : List.of(segment(10, 20), segment(30, 40), segment(50))) {
      System.arraycopy(segment, 0, leaf, end, segment.length);
      end += segment.length;
    }
    GinPage.setDataEnd(leaf, end);
    GinPage.init(inner, GinPage.DATA);
    GinPage.addItem(inner, 1, BlockRecord.bytes(to -> item(to, 3)), 0);
    GinPage.init(entries, GinPage.LEAF);
    insertEntry(IS_LEAF, 1, false).applyTo(entries);
    GinPage.setFlags(entries, 0);
    GinPage.init(list, GinPage.LIST);
  }

  private static BlockRecord record(int kind, int blockId) {
    return new BlockRecord(ResourceManager.GIN, kind, blockId);
  }

  private static byte[] segment(long... positions) throws StorageException.Corrupt {
    byte[] bytes = new byte[100];
    GinSegment.Writer writer = new GinSegment.Writer();
    writer.begin(bytes, 0, bytes.length);
    for (long position : positions) {
      writer.add(position);
    }
    return Arrays.copyOf(bytes, writer.end());
  }

  private static List<List<Long>> segments(byte[] page) throws StorageException.Corrupt {
    List<List<Long>> segments = new ArrayList<>();
    GinSegment.Reader reader = new GinSegment.Reader();
    int at = GinPage.DATA_AT;
    while (at < Page.lower(page)) {
      List<Long> positions = new ArrayList<>();
      reader.open(page, at);
      while (reader.hasNext()) {
        positions.add(reader.next());
      }
      segments.add(positions);
      at += GinSegment.size(page, at, Page.lower(page));
    }
    return segments;
  }

  private static BlockRecord recompress(int actions, Consumer<ByteSink> list) {
    return record(RecordKind.GIN_VACUUM_DATA_LEAF_PAGE, 0)
        .data(to -> list.accept(to.put16(actions)));
  }

  private static ByteSink put(ByteSink to, byte[] bytes) {
    return to.put(bytes, 0, bytes.length);
  }

  /** A heap position in block 0. */
  private static ByteSink position(ByteSink to, int offsetNumber) {
    return to.put32(0).put16(offsetNumber);
  }

  /** A posting item. */
  private static void item(ByteSink to, int child) {
    position(to.put16(0).put16(child), 1);
  }

  private static BlockRecord insert(int flags) {
    return record(RecordKind.GIN_INSERT, 0)
        .main(to -> to.put16(flags).put16(0).put16(7).put16(0).put16(8));
  }

  private static BlockRecord insertItem(int itemNumber) {
    return insert(IS_DATA).data(to -> item(to.put16(itemNumber), 9));
  }

  private static void tuple(ByteSink to, int child, int size) {
    to.put16(0).put16(child).put16(5).put16(size).put32(0x1234).put32(0);
  }

  private static BlockRecord insertEntry(int flags, int offsetNumber, boolean replaces) {
    return insert(flags)
        .data(to -> tuple(to.put16(offsetNumber).put8(replaces ? 1 : 0).put8(0), 4, 16));
  }

  private static BlockRecord insertListPage(int count, Consumer<ByteSink> tuples) {
    return record(RecordKind.GIN_INSERT_LISTPAGE, 0)
        .main(to -> to.put32(12).put32(count))
        .data(tuples);
  }

  private static BlockRecord updateMeta(int blockId, int count) {
    return record(RecordKind.GIN_UPDATE_META_PAGE, blockId)
        .main(to -> {
          put(to, new byte[72]);
          to.put32(5).put32(6).put32(count).put32(0);
        });
  }

  private static BlockRecord deletePage(int blockId, int itemNumber) {
    return record(RecordKind.GIN_DELETE_PAGE, blockId)
        .main(to -> to.put16(itemNumber).put16(0).put32(12).put32(700));
  }

  @Test
  void segmentsAreChangedByTheNumbersTheyHad() throws Exception {
    byte[] first = segment(5);
    byte[] other = segment(41, 42, 43);
    recompress(
            4,
            to -> {
              put(to.put8(0).put8(INSERT), first);
              to.put8(0).put8(DELETE);
              position(position(to.put8(1).put8(ADD_ITEMS).put16(2), 29), 35);
              put(to.put8(3).put8(INSERT), other);
            })
        .applyTo(leaf);
    assertThat(segments(leaf))
        .containsExactly(
            List.of(5L), List.of(29L, 30L, 35L, 40L), List.of(50L), List.of(41L, 42L, 43L));
    byte[] replacement = segment(1, 2, 3);
    recompress(1, to -> put(to.put8(1).put8(REPLACE), replacement)).applyTo(leaf);
    assertThat(segments(leaf).get(1)).containsExactly(1L, 2L, 3L);
    recompress(0, to -> {}).applyTo(leaf);
    assertThat(segments(leaf)).hasSize(4);
  }

  @Test
  void itemsGoBeforeBetweenAndBehindThoseOfASegment() throws Exception {
    recompress(
            1,
            to -> {
              to.put8(1).put8(ADD_ITEMS).put16(3);
              position(position(position(to, 21), 39), 49);
            })
        .applyTo(leaf);
    assertThat(segments(leaf).get(1)).containsExactly(21L, 30L, 39L, 40L, 49L);
    assertThat(Page.lsn(leaf)).isEqualTo(BlockRecord.LSN);
  }

  @Test
  void aLeafFromBeforePostingListsBecomesOneSegment() throws Exception {
    GinPage.init(leaf, GinPage.DATA | GinPage.LEAF);
    for (int i = 0; i < 3; i++) {
      HeapTuple.setPosition(leaf, GinPage.DATA_AT + i * IndexTuple.POSITION_BYTES, i, 1);
    }
    GinPage.setCount(leaf, 3);
    byte[] tooMany = leaf.clone();
    GinPage.setCount(tooMany, 1360);
    BlockRecord add = recompress(1, to -> position(to.put8(0).put8(ADD_ITEMS).put16(1), 2));
    add.applyTo(leaf);
    assertThat(segments(leaf)).containsExactly(List.of(1L, 2L, 2049L, 4097L));
    assertThat(GinPage.count(leaf)).isZero();
    assertThat(GinPage.flags(leaf)).isEqualTo(GinPage.DATA | GinPage.LEAF | GinPage.COMPRESSED);
    add.isCorruptFor(tooMany);
  }

  @Test
  void anEmptyLeafFromBeforePostingListsHasNoSegment() throws Exception {
    GinPage.init(leaf, GinPage.DATA | GinPage.LEAF);
    byte[] segment = segment(7);
    recompress(1, to -> put(to.put8(0).put8(INSERT), segment)).applyTo(leaf);
    assertThat(segments(leaf)).containsExactly(List.of(7L));
  }

  @Test
  void aListOfActionsThatIsCutIsCorrupt() throws Exception {
    byte[] segment = segment(41, 42);
    recompress(
            3,
            to -> {
              to.put8(0).put8(DELETE);
              put(to.put8(1).put8(REPLACE), segment);
              position(to.put8(2).put8(ADD_ITEMS).put16(1), 51);
            })
        .isCorruptWithLessData(leaf);
  }

  @Test
  void actionsThatDoNotFitTheLeafAreCorrupt() throws Exception {
    byte[] segment = segment(41, 42);
    recompress(1, to -> to.put8(0).put8(0)).isCorruptFor(leaf);
    recompress(1, to -> to.put8(0).put8(5)).isCorruptFor(leaf);
    recompress(1, to -> to.put8(3).put8(DELETE)).isCorruptFor(leaf);
    recompress(1, to -> to.put8(4).put8(DELETE)).isCorruptFor(leaf);
    recompress(1, to -> put(to.put8(4).put8(INSERT), segment)).isCorruptFor(leaf);
    recompress(2, to -> to.put8(1).put8(DELETE).put8(0).put8(DELETE)).isCorruptFor(leaf);
    recompress(1, to -> to.put8(0).put8(DELETE).put8(0)).isCorruptFor(leaf);
    recompress(1, to -> position(to.put8(0).put8(ADD_ITEMS).put16(1), 10)).isCorruptFor(leaf);
    recompress(1, to -> position(to.put8(0).put8(ADD_ITEMS).put16(1), 0)).isCorruptFor(leaf);
    recompress(1, to -> position(position(to.put8(0).put8(ADD_ITEMS).put16(2), 9), 8))
        .isCorruptFor(leaf);
    BlockRecord nothing = recompress(0, to -> {});
    nothing.isCorruptFor(inner);
    nothing.isCorruptFor(entries);
    Page.setLower(leaf, GinPage.DATA_END + 1);
    nothing.isCorruptFor(leaf);
    Page.setLower(leaf, GinPage.DATA_AT - 1);
    nothing.isCorruptFor(leaf);
  }

  @Test
  void segmentsThatDoNotFitThePageAreCorrupt() {
    byte[] large = new byte[GinSegment.HEADER_BYTES + 4080];
    large[4] = 1;
    putU16(large, 6, 4080);
    recompress(2, to -> put(put(to.put8(0).put8(INSERT), large).put8(0).put8(INSERT), large))
        .isCorruptFor(leaf);
  }

  @Test
  void aDownlinkGoesBeforeTheOneItSplits() throws Exception {
    insertEntry(0, 1, false).applyTo(entries);
    assertThat(Page.itemCount(entries)).isEqualTo(2);
    int first = Page.itemOffset(Page.linePointer(entries, 1));
    int second = Page.itemOffset(Page.linePointer(entries, 2));
    assertThat(IndexTuple.block(entries, first)).isEqualTo(4);
    assertThat(IndexTuple.block(entries, second)).isEqualTo(8);
    assertThat(u16(entries, second + 4)).isZero();
    insertItem(1).applyTo(inner);
    assertThat(GinPage.count(inner)).isEqualTo(2);
    assertThat(IndexTuple.block(inner, GinPage.DATA_AT)).isEqualTo(9);
    assertThat(IndexTuple.block(inner, GinPage.DATA_AT + GinPage.POSTING_ITEM_BYTES)).isEqualTo(8);
    assertThat(Page.lower(inner)).isEqualTo(GinPage.DATA_AT + 2 * GinPage.POSTING_ITEM_BYTES);
  }

  @Test
  void insertionsThatDoNotFitThePageAreCorrupt() throws Exception {
    insertEntry(0, 0, false).isCorruptFor(entries);
    insertEntry(0, 2, false).isCorruptFor(entries);
    insertEntry(IS_LEAF, 1, false).isCorruptFor(entries);
    insertEntry(0, 1, false).isCorruptFor(inner);
    insertEntry(0, 1, false).isCorruptWithLessMain(entries);
    insertEntry(0, 1, false).isCorruptWithLessData(entries);
    insert(0).data(to -> tuple(to.put16(1).put16(0), 4, 24)).isCorruptFor(entries);
    insert(0).data(to -> tuple(to.put16(1).put16(0), 4, 7)).isCorruptFor(entries);
    GinPage.setFlags(entries, GinPage.LEAF);
    insertEntry(IS_LEAF, 2, true).isCorruptFor(entries);
    insertEntry(IS_LEAF, 3, false).isCorruptFor(entries);
    insertItem(0).isCorruptFor(inner);
    insertItem(2).isCorruptFor(inner);
    insertItem(1).isCorruptFor(leaf);
    insertItem(1).isCorruptWithLessMain(inner);
    insertItem(1).isCorruptWithLessData(inner);
    for (int i = 1; i < 815; i++) {
      insertItem(1).applyTo(inner);
    }
    assertThat(Page.lower(inner)).isLessThanOrEqualTo(GinPage.DATA_END);
    insertItem(1).isCorruptFor(inner);
    GinPage.setCount(inner, 816);
    deletePage(1, 1).isCorruptFor(inner);
  }

  @Test
  void aDeletedPageIsLeftOutOfItsTree() throws Exception {
    deletePage(0, 1).applyTo(leaf);
    assertThat(GinPage.flags(leaf) & GinPage.DELETED).isNotZero();
    assertThat(Page.pruneXid(leaf)).isEqualTo(700);
    deletePage(1, 2).isCorruptFor(inner);
    deletePage(1, 0).isCorruptFor(inner);
    deletePage(1, 1).isCorruptFor(leaf);
    deletePage(0, 1).isCorruptFor(entries);
    deletePage(2, 1).isCorruptFor(entries);
    deletePage(1, 1).isCorruptWithLessMain(inner);
    deletePage(1, 1).applyTo(inner);
    assertThat(GinPage.count(inner)).isZero();
    assertThat(Page.lower(inner)).isEqualTo(GinPage.DATA_AT);
  }

  @Test
  void aPostingTreeThatIsNotAllThereIsCorrupt() {
    BlockRecord tree =
        record(RecordKind.GIN_CREATE_PTREE, 0).main(to -> to.put32(8).put32(0).put32(0));
    tree.isCorruptWithLessMain(leaf);
    tree.main(to -> to.put32(4).put32(0).put32(0)).isCorruptFor(leaf);
    tree.main(to -> put(to.put32(8153), new byte[8153])).isCorruptFor(leaf);
  }

  @Test
  void pendingTuplesThatAreNotAllThereAreCorrupt() throws Exception {
    insertListPage(2, to -> tuple(to, 1, 16)).isCorruptFor(list);
    insertListPage(0, to -> tuple(to, 1, 16)).isCorruptFor(list);
    insertListPage(1, to -> tuple(to, 1, 24)).isCorruptFor(list);
    insertListPage(1, to -> tuple(to, 1, 4)).isCorruptFor(list);
    insertListPage(1, to -> tuple(to, 1, 16)).isCorruptWithLessMain(list);
    updateMeta(1, 1).isCorruptFor(list);
    updateMeta(1, 1).data(to -> tuple(to, 1, 16)).isCorruptFor(entries);
    updateMeta(0, 1).main(to -> put(to, new byte[83])).isCorruptFor(list);
    updateMeta(1, 0).applyTo(list);
    assertThat(i32(list, GinPage.DATA_END)).isEqualTo(6);
  }

  @Test
  void pagesThatMustComeAsImagesAreCorruptWithout() {
    for (int blockId = 0; blockId < 3; blockId++) {
      record(RecordKind.GIN_SPLIT, blockId).isCorruptFor(leaf);
    }
    record(RecordKind.GIN_VACUUM_PAGE, 0).isCorruptFor(entries);
  }

  @Test
  void aBlockThatTheRecordCannotHaveIsNotReplayed() {
    for (int kind = 0; kind <= 0xF0; kind += 0x10) {
      BlockRecord record = record(kind, 17).main(to -> put(to, new byte[100]));
      assertThatThrownBy(() -> record.applyTo(leaf.clone()))
          .as("0x%02X", kind)
          .isInstanceOf(StorageException.Unsupported.class);
    }
  }
}
