package io.coppice.postgres.redo;

import static io.coppice.postgres.bytes.LittleEndian.i32;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.page.HashMetaPage;
import io.coppice.postgres.page.HashPage;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.record.RecordKind;
import io.coppice.postgres.record.ResourceManager;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a server hardly ever writes, and damage. What it does write is compared with its pages. */
final class HashRedoTest {
  private static final int NEXT_AT = Page.SIZE_BYTES - HashPage.SPECIAL_BYTES + 4;
  private static final int PREVIOUS_AT = Page.SIZE_BYTES - HashPage.SPECIAL_BYTES;
  private static final int SPARES_AT = Page.HEADER_BYTES + 52;
  private static final int BITMAP_COUNT_AT = Page.HEADER_BYTES + 44;
  private static final int BITMAPS_AT = Page.HEADER_BYTES + 444;

  private final byte[] bucket = new byte[Page.SIZE_BYTES];
  private final byte[] meta = new byte[Page.SIZE_BYTES];
  private final byte[] bitmap = new byte[Page.SIZE_BYTES];

  @BeforeEach
  void pages() throws Exception {
    HashPage.init(bucket, 1, HashPage.NONE, 1, HashPage.BUCKET | HashPage.HAS_DEAD_TUPLES);
    for (int i = 1; i <= 4; i++) {
      insert(i).applyTo(bucket);
    }
    HashMetaPage.init(meta, 100, 400, 307);
    HashPage.initBitmap(bitmap, 4096);
  }

  private static BlockRecord record(int kind, int blockId) {
    return new BlockRecord(ResourceManager.HASH, kind, blockId);
  }

  /** A tuple of 16 bytes. */
  private static void tuple(ByteSink to) {
    to.put32(0).put16(1).put16(16).put32(0x1234).put32(0);
  }

  private static BlockRecord insert(int offsetNumber) {
    return record(RecordKind.HASH_INSERT, 0)
        .main(to -> to.put16(offsetNumber))
        .data(HashRedoTest::tuple);
  }

  private static BlockRecord addOverflow(int blockId) {
    return record(RecordKind.HASH_ADD_OVFL_PAGE, blockId)
        .main(to -> to.put16(4096).put8(0))
        .data(to -> to.put32(32768));
  }

  private static BlockRecord squeeze(int blockId, int count, boolean isBefore) {
    return record(RecordKind.HASH_SQUEEZE_PAGE, blockId)
        .main(to -> to.put32(11).put32(12).put16(count).put8(1).put8(isBefore ? 1 : 0));
  }

  private static BlockRecord move(int blockId, int count, Consumer<ByteSink> data) {
    return record(RecordKind.HASH_MOVE_PAGE_CONTENTS, blockId)
        .main(to -> to.put16(count).put8(1))
        .data(data);
  }

  private static BlockRecord vacuum(int blockId, int... offsetNumbers) {
    return record(RecordKind.HASH_VACUUM_ONE_PAGE, blockId)
        .main(to -> {
          to.put32(700).put16(offsetNumbers.length).put16(0);
          for (int offsetNumber : offsetNumbers) {
            to.put16(offsetNumber);
          }
        });
  }

  private static BlockRecord splitAllocate(int blockId, int flags, Consumer<ByteSink> data) {
    return record(RecordKind.HASH_SPLIT_ALLOCATE_PAGE, blockId)
        .main(to -> to.put32(2).put16(0x22).put16(0x12).put8(flags))
        .data(data);
  }

  @Test
  void anotherBitmapIsOneMoreOverflowPage() throws Exception {
    int splitPoint = i32(meta, Page.HEADER_BYTES + 36);
    int spares = i32(meta, SPARES_AT + splitPoint * 4);
    addOverflow(4).other(0, 40_000).other(1, 3).other(3, 39_999).applyTo(meta);
    assertThat(i32(meta, SPARES_AT + splitPoint * 4)).isEqualTo(spares + 2);
    assertThat(i32(meta, BITMAP_COUNT_AT)).isOne();
    assertThat(i32(meta, BITMAPS_AT)).isEqualTo(39_999);
    addOverflow(3).applyTo(bucket);
    assertThat(HashPage.flags(bucket)).isEqualTo(HashPage.BITMAP);
    assertThat(Page.lower(bucket)).isEqualTo(Page.HEADER_BYTES + 4096);
    assertThat(bucket[Page.lower(bucket) - 1]).isEqualTo((byte) 0xFF);
    assertThat(bucket[Page.lower(bucket)]).isZero();
  }

  @Test
  void thePageAfterAFreedOneLeadsBackPastIt() throws Exception {
    squeeze(4, 0, false).applyTo(bucket);
    assertThat(i32(bucket, PREVIOUS_AT)).isEqualTo(11);
    squeeze(3, 0, false).applyTo(bucket);
    assertThat(i32(bucket, NEXT_AT)).isEqualTo(12);
  }

  @Test
  void pagesThatAreNamedToBeLockedStayAsTheyAre() throws Exception {
    byte[] before = bucket.clone();
    move(0, 1, to -> {}).applyTo(bucket);
    squeeze(0, 1, true).applyTo(bucket);
    squeeze(1, 0, false).applyTo(bucket);
    record(RecordKind.HASH_DELETE, 0).main(to -> to.put8(1).put8(0)).applyTo(bucket);
    assertThat(bucket).isEqualTo(before);
    squeeze(1, 0, true).applyTo(bucket);
    assertThat(i32(bucket, NEXT_AT)).isEqualTo(12);
  }

  @Test
  void theMarkOfDeadTuplesGoesWithThem() throws Exception {
    BlockRecord some = record(RecordKind.HASH_DELETE, 1).data(to -> to.put16(2));
    some.main(to -> to.put8(0).put8(1)).applyTo(bucket);
    assertThat(HashPage.flags(bucket)).isEqualTo(HashPage.BUCKET | HashPage.HAS_DEAD_TUPLES);
    byte[] other = bucket.clone();
    some.main(to -> to.put8(1).put8(1)).applyTo(bucket);
    assertThat(HashPage.flags(bucket)).isEqualTo(HashPage.BUCKET);
    assertThat(Page.itemCount(bucket)).isEqualTo(2);
    vacuum(0, 1, 2, 3).applyTo(other);
    assertThat(HashPage.flags(other)).isEqualTo(HashPage.BUCKET);
    assertThat(Page.itemCount(other)).isZero();
    HashMetaPage.setTuples(meta, 10);
    vacuum(1, 1, 2, 3).applyTo(meta);
    assertThat(HashMetaPage.tuples(meta)).isEqualTo(7);
  }

  @Test
  void aRecordThatIsCutIsCorrupt() {
    record(RecordKind.HASH_INIT_META_PAGE, 0)
        .main(to -> to.put32(0).put32(0).put32(400).put16(307))
        .isCorruptWithLessMain(bucket);
    record(RecordKind.HASH_INIT_BITMAP_PAGE, 0).main(to -> to.put16(1)).isCorruptWithLessMain(meta);
    insert(1).isCorruptWithLessMain(bucket);
    insert(1).isCorruptWithLessData(bucket);
    addOverflow(0).other(1, 3).isCorruptWithLessMain(bucket);
    addOverflow(0).other(1, 3).isCorruptWithLessData(bucket);
    addOverflow(2).isCorruptWithLessData(bitmap);
    addOverflow(4).isCorruptWithLessData(meta);
    addOverflow(0).isCorruptFor(bucket);
    addOverflow(1).isCorruptFor(bucket);
    splitAllocate(2, 3, to -> to.put32(1).put32(3).put32(2).put32(1)).isCorruptWithLessMain(meta);
    splitAllocate(2, 3, to -> to.put32(1).put32(3).put32(2).put32(1)).isCorruptWithLessData(meta);
    record(RecordKind.HASH_SPLIT_COMPLETE, 1).main(to -> to.put32(0)).isCorruptWithLessMain(bucket);
    move(1, 1, to -> tuple(to.put16(1))).isCorruptWithLessMain(bucket);
    move(1, 1, to -> tuple(to.put16(1))).isCorruptWithLessData(bucket);
    squeeze(1, 1, true).data(to -> tuple(to.put16(1))).isCorruptWithLessMain(bucket);
    squeeze(1, 1, true).data(to -> tuple(to.put16(1))).isCorruptWithLessData(bucket);
    squeeze(5, 0, true).data(to -> to.put32(8)).isCorruptWithLessData(bitmap);
    squeeze(6, 0, true).data(to -> to.put32(8)).isCorruptWithLessData(meta);
    record(RecordKind.HASH_DELETE, 1).main(to -> to.put16(0)).isCorruptWithLessMain(bucket);
    updateMeta().isCorruptWithLessMain(meta);
    vacuum(0, 1, 2).isCorruptWithLessMain(bucket);
  }

  @Test
  void numbersThatThePageDoesNotHaveAreCorrupt() {
    insert(0).isCorruptFor(bucket);
    insert(6).isCorruptFor(bucket);
    move(1, 1, to -> tuple(to.put16(6))).isCorruptFor(bucket);
    move(1, 0, to -> tuple(to.put16(1))).isCorruptFor(bucket);
    move(1, 2, to -> tuple(to.put16(1).put16(2))).isCorruptFor(bucket);
    move(2, 1, to -> to.put16(5)).isCorruptFor(bucket);
    move(2, 1, to -> to.put16(1).put16(2).put16(5)).isCorruptFor(bucket);
    vacuum(0, 3, 2, 1).isCorruptFor(bucket);
    addOverflow(2).isCorruptFor(bitmap);
    addOverflow(2).data(to -> to.put32(-1)).isCorruptFor(bitmap);
    addOverflow(3).main(to -> to.put16(8153).put8(0)).isCorruptFor(bitmap);
    splitAllocate(2, 2, to -> to.put32(98).put32(1)).isCorruptFor(meta);
    splitAllocate(2, 2, to -> to.put32(-1).put32(1)).isCorruptFor(meta);
    splitAllocate(0, 0, to -> {}).isCorruptFor(new byte[Page.SIZE_BYTES]);
    initMeta(-1, 307).isCorruptFor(meta);
    initMeta(Double.NaN, 307).isCorruptFor(meta);
    initMeta(1, 0).isCorruptFor(meta);
  }

  private static BlockRecord initMeta(double tuples, int fillFactor) {
    long bits = Double.doubleToRawLongBits(tuples);
    return record(RecordKind.HASH_INIT_META_PAGE, 0)
        .main(to -> to.put32((int) bits).put32((int) (bits >>> 32)).put32(400).put16(fillFactor));
  }

  @Test
  void aMetapageWithoutRoomForAnotherBitmapIsCorrupt() throws Exception {
    for (int i = 0; i < 1024; i++) {
      HashMetaPage.addBitmap(meta, i);
    }
    addOverflow(4).other(3, 5).isCorruptFor(meta);
    record(RecordKind.HASH_INIT_BITMAP_PAGE, 1).isCorruptFor(meta);
  }

  @Test
  void onlyAMetapageIsTakenForOne() {
    for (int kind :
        new int[] {
          RecordKind.HASH_INIT_BITMAP_PAGE, RecordKind.HASH_INSERT, RecordKind.HASH_VACUUM_ONE_PAGE
        }) {
      record(kind, 1).main(to -> to.put32(0).put32(0)).isCorruptFor(bucket);
    }
    addOverflow(4).isCorruptFor(bucket);
    updateMeta().isCorruptFor(bucket);
  }

  private static BlockRecord updateMeta() {
    return record(RecordKind.HASH_UPDATE_META_PAGE, 0).main(to -> to.put32(0).put32(0));
  }

  @Test
  void aSplitPageMustComeAsAnImage() {
    record(RecordKind.HASH_SPLIT_PAGE, 0).isCorruptFor(bucket);
  }

  @Test
  void aBlockThatTheRecordCannotHaveIsNotReplayed() {
    for (int kind = 0; kind <= RecordKind.HASH_VACUUM_ONE_PAGE; kind += 0x10) {
      if (kind != RecordKind.HASH_SPLIT_PAGE) {
        BlockRecord record = record(kind, 7).main(to -> to.put32(0).put32(0).put32(0).put32(0));
        assertThatThrownBy(() -> record.applyTo(bucket.clone()))
            .as("0x%02X", kind)
            .isInstanceOf(StorageException.Unsupported.class);
      }
    }
  }

  @Test
  void bucketsToBeginWithComeInPhases() throws Exception {
    assertThat(lastBucket(0)).isEqualTo(1);
    assertThat(lastBucket(20)).isEqualTo(1);
    assertThat(lastBucket(30)).isEqualTo(3);
    assertThat(lastBucket(5_120)).isEqualTo(511);
    assertThat(lastBucket(5_130)).isEqualTo(639);
    assertThat(lastBucket(10_000)).isEqualTo(1_023);
    assertThat(lastBucket(11_000)).isEqualTo(1_279);
    assertThat(lastBucket(1e300)).isEqualTo(0x3FFF_FFFF);
  }

  private int lastBucket(double tuples) throws StorageException.Corrupt {
    HashMetaPage.init(meta, tuples, 400, 10);
    return HashMetaPage.lastBucket(meta);
  }
}
