package io.coppice.postgres.redo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.key.Key;
import io.coppice.postgres.page.GistPage;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.record.RecordKind;
import io.coppice.postgres.record.ResourceManager;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.WalDecoder;
import io.coppice.postgres.wal.WalRecord;
import io.coppice.postgres.wal.WalStreamWriter;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a server hardly ever writes, and damage. What it does write is compared with its pages. */
final class GistRedoTest {
  private static final int SEGMENT_BYTES = 1 << 20;
  private static final int HAS_IMAGE = 0x10;
  private static final int IMAGE_IS_APPLIED = 0x02;

  private final byte[] leaf = new byte[Page.SIZE_BYTES];

  @BeforeEach
  void page() throws Exception {
    GistPage.init(leaf, GistPage.LEAF | GistPage.FOLLOW_RIGHT);
    update(0, 4).applyTo(leaf);
  }

  private static BlockRecord record(int kind, int blockId) {
    return new BlockRecord(ResourceManager.GIST, kind, blockId);
  }

  /** A tuple of 16 bytes. */
  private static void tuple(ByteSink to) {
    to.put32(0).put16(1).put16(16).put32(0x1234).put32(0);
  }

  private static Consumer<ByteSink> tuples(int count) {
    return to -> {
      for (int i = 0; i < count; i++) {
        tuple(to);
      }
    };
  }

  /** Tuples 1, 2, ... go, and others come. */
  private static BlockRecord update(int deletes, int inserts) {
    return record(RecordKind.GIST_PAGE_UPDATE, 0)
        .main(to -> to.put16(deletes).put16(inserts))
        .data(to -> {
          for (int i = 1; i <= deletes; i++) {
            to.put16(i);
          }
          tuples(inserts).accept(to);
        });
  }

  private static BlockRecord delete(int... offsetNumbers) {
    return record(RecordKind.GIST_DELETE, 0)
        .main(to -> {
          to.put32(700).put16(offsetNumbers.length);
          for (int offsetNumber : offsetNumbers) {
            to.put16(offsetNumber);
          }
        });
  }

  private static BlockRecord split(int blockId, int pages, int tuples) {
    return record(RecordKind.GIST_PAGE_SPLIT, blockId)
        .main(to -> to.put32(99).put32(0).put32(5).put32(1).put8(1).put8(0).put16(pages).put32(1))
        .data(to -> tuples(tuples).accept(to.put32(tuples)));
  }

  private static BlockRecord deletePage(int blockId, int downlink) {
    return record(RecordKind.GIST_PAGE_DELETE, blockId)
        .main(to -> to.put32(700).put32(0).put16(downlink));
  }

  @Test
  void aSplitOfManyPagesChainsThem() throws Exception {
    split(2, 3, 4).other(1, 6).other(3, 8).applyTo(leaf);
    assertThat(GistPage.rightLink(leaf)).isEqualTo(8);
    assertThat(GistPage.nsnValue(leaf)).isEqualTo(1L << 32 | 5);
    assertThat(GistPage.hasFlag(leaf, GistPage.LEAF | GistPage.FOLLOW_RIGHT)).isTrue();
    split(3, 3, 4).other(1, 5).other(2, 6).applyTo(leaf);
    assertThat(GistPage.rightLink(leaf)).isEqualTo(99);
    assertThat(GistPage.hasFlag(leaf, GistPage.FOLLOW_RIGHT)).isFalse();
    assertThat(Page.itemCount(leaf)).isEqualTo(4);
  }

  @Test
  void theEndOfASplitIsNotedOnTheLeftPage() throws Exception {
    record(RecordKind.GIST_PAGE_UPDATE, 1).applyTo(leaf);
    assertThat(GistPage.hasFlag(leaf, GistPage.FOLLOW_RIGHT)).isFalse();
    assertThat(GistPage.nsnValue(leaf)).isEqualTo(BlockRecord.LSN.value());
    GistPage.setFlag(leaf, GistPage.FOLLOW_RIGHT, true);
    record(RecordKind.GIST_PAGE_SPLIT, 0).applyTo(leaf);
    assertThat(GistPage.hasFlag(leaf, GistPage.FOLLOW_RIGHT)).isFalse();
  }

  @Test
  void theEndOfASplitComesOnTopOfAnImage() throws Exception {
    for (int info : new int[] {RecordKind.GIST_PAGE_UPDATE, RecordKind.GIST_PAGE_SPLIT}) {
      byte[] page = new byte[Page.SIZE_BYTES];
      int leftBlockId = info == RecordKind.GIST_PAGE_UPDATE ? 1 : 0;
      Lsn end = applyImage(info, leftBlockId, page);
      assertThat(GistPage.hasFlag(page, GistPage.FOLLOW_RIGHT)).isFalse();
      assertThat(GistPage.nsnValue(page)).isEqualTo(end.value());
      assertThat(Page.lsn(page)).isEqualTo(end);
      applyImage(info, 1 - leftBlockId, page);
      assertThat(GistPage.hasFlag(page, GistPage.FOLLOW_RIGHT)).isTrue();
      assertThat(GistPage.nsnValue(page)).isZero();
    }
  }

  /** Stores and applies a record of one block, whose image it carries. */
  private Lsn applyImage(int info, int blockId, byte[] page) throws StorageException {
    Lsn start = Lsn.parse("0/100028");
    byte[] body =
        BlockRecord.bytes(to ->
            to.put8(blockId)
                .put8(HAS_IMAGE)
                .put16(0)
                .put16(Page.SIZE_BYTES)
                .put16(0)
                .put8(IMAGE_IS_APPLIED)
                .put32(1663)
                .put32(5)
                .put32(16384)
                .put32(7)
                .put(leaf, 0, Page.SIZE_BYTES));
    WalStreamWriter writer =
        new WalStreamWriter(PostgresVersion.V15, SEGMENT_BYTES, 1, 1, start, Lsn.INVALID);
    writer.append(ResourceManager.GIST, info, 700, body);
    byte[] wal = writer.takeBytes();
    WalDecoder decoder = WalDecoder.ofFiles(PostgresVersion.V15, SEGMENT_BYTES, start);
    decoder.feed(wal, 0, wal.length);
    WalRecord record = new WalRecord();
    assertThat(decoder.next(record)).isTrue();
    ByteSink value = new ByteSink();
    StoredValues.encodeBlock(record, blockId, value);
    assertThat(StoredValues.isComplete(value.bytes(), 0, value.length())).isTrue();
    new PageRedo(PostgresVersion.V15)
        .apply(
            page,
            record.end(),
            Key.relationBlock(new RelationTag(1663, 5, 16384, 0), 7),
            value.bytes(),
            0,
            value.length());
    return record.end();
  }

  /** Unlike in Postgres's redo: {@code wal_consistency_checking} finds fault with that. */
  @Test
  void theRemovalOfDeadItemsMarksThePageNoMoreThanTheServerDoes() throws Exception {
    GistPage.setFlag(leaf, GistPage.HAS_GARBAGE, true);
    delete(1, 3).applyTo(leaf);
    assertThat(Page.itemCount(leaf)).isEqualTo(2);
    assertThat(GistPage.hasFlag(leaf, GistPage.HAS_GARBAGE | GistPage.TUPLES_DELETED)).isFalse();
    update(1, 0).applyTo(leaf);
    assertThat(GistPage.hasFlag(leaf, GistPage.TUPLES_DELETED)).isTrue();
  }

  @Test
  void aRecordThatIsCutIsCorrupt() {
    update(2, 2).isCorruptWithLessMain(leaf);
    update(2, 2).isCorruptWithLessData(leaf);
    update(1, 1).isCorruptWithLessData(leaf);
    delete(1, 2).isCorruptWithLessMain(leaf);
    split(1, 2, 3).other(2, 8).isCorruptWithLessMain(leaf);
    split(1, 2, 3).other(2, 8).isCorruptWithLessData(leaf);
    deletePage(0, 1).isCorruptWithLessMain(leaf);
    deletePage(1, 1).isCorruptWithLessMain(leaf);
  }

  @Test
  void numbersThatThePageDoesNotHaveAreCorrupt() {
    update(5, 1).isCorruptFor(leaf);
    update(1, 1).data(to -> tuple(to.put16(5))).isCorruptFor(leaf);
    update(1, 1).data(to -> tuple(to.put16(0))).isCorruptFor(leaf);
    update(1, 2).data(to -> tuples(2).accept(to.put16(5))).isCorruptFor(leaf);
    update(0, 1).data(tuples(2)).isCorruptFor(leaf);
    update(0, 600).isCorruptFor(leaf);
    delete(5).isCorruptFor(leaf);
    delete(3, 2, 1).isCorruptFor(leaf);
    split(1, 2, 3).isCorruptFor(leaf);
    split(2, 3, 3).other(1, 6).isCorruptFor(leaf);
    split(1, 1, 3).data(to -> tuples(3).accept(to.put32(-1))).isCorruptFor(leaf);
    split(1, 1, 600).isCorruptFor(leaf);
    deletePage(1, 0).isCorruptFor(leaf);
    deletePage(1, 5).isCorruptFor(leaf);
  }

  @Test
  void aTupleThatSaysItIsSmallerThanItsHeaderIsCorrupt() {
    update(0, 1).data(to -> to.put32(0).put16(1).put16(0).put32(0).put32(0)).isCorruptFor(leaf);
  }

  @Test
  void onlyAPageOfItsOwnKindIsTakenForOne() {
    byte[] other = new byte[Page.SIZE_BYTES];
    Page.init(other, GistPage.SPECIAL_BYTES);
    update(0, 1).isCorruptFor(other);
    delete().isCorruptFor(other);
    deletePage(0, 1).isCorruptFor(other);
    record(RecordKind.GIST_PAGE_UPDATE, 1).isCorruptFor(other);
  }

  @Test
  void aBlockThatTheRecordCannotHaveIsNotReplayed() {
    for (BlockRecord record :
        new BlockRecord[] {
          record(RecordKind.GIST_PAGE_UPDATE, 2),
          record(RecordKind.GIST_DELETE, 1),
          split(3, 2, 1).other(1, 6).other(2, 7),
          deletePage(2, 1),
          record(RecordKind.GIST_PAGE_REUSE, 0),
          record(RecordKind.GIST_ASSIGN_LSN, 0)
        }) {
      assertThatThrownBy(() -> record.applyTo(leaf.clone()))
          .isInstanceOf(StorageException.Unsupported.class);
    }
  }
}
