package io.coppice.pageserver.ingest;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Fork;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.key.Key;
import io.coppice.pageserver.fixture.Records;
import io.coppice.pageserver.fixture.Records.Block;
import io.coppice.pageserver.query.RelationState;
import io.coppice.pageserver.timeline.TimelineKeys;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.page.VisibilityMapPage;
import io.coppice.postgres.record.RecordKind;
import io.coppice.postgres.record.ResourceManager;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Blocks and relations, from records written by hand. */
final class WalIngestTest {
  private static final RelationTag HEAP = new RelationTag(1663, 5, 16_384, 0);
  private static final RelationTag MAP = HEAP.withFork(Fork.VM);
  private static final byte[] NOTHING = {};

  private final Wal wal = new Wal();

  private Lsn image(RelationTag tag, int block, int fill) throws StorageException {
    return wal.record(
        ResourceManager.HEAP,
        RecordKind.HEAP_INSERT | RecordKind.HEAP_INIT_PAGE,
        0,
        new byte[] {1, 0, 0},
        Records.heapRow(tag, block, fill));
  }

  private RelationState state(RelationTag tag) throws StorageException {
    return RelationState.read(wal.timeline.getLatest(Key.relationSize(tag)).orElseThrow());
  }

  private byte[] page(RelationTag tag, long block) throws StorageException {
    return wal.timeline.getLatest(Key.relationBlock(tag, (int) block)).orElseThrow();
  }

  private boolean isListed(RelationTag tag) throws StorageException {
    return wal.timeline.getLatest(TimelineKeys.relationExists(tag)).isPresent();
  }

  private Lsn smgrCreate(RelationTag tag) throws StorageException {
    return wal.record(
        ResourceManager.SMGR,
        RecordKind.SMGR_CREATE,
        0,
        Records.bytes(16)
            .putInt(tag.spcOid())
            .putInt(tag.dbOid())
            .putInt(tag.relNumber())
            .putInt(tag.fork())
            .array());
  }

  private Lsn truncate(RelationTag tag, int blocks, int flags) throws StorageException {
    return wal.record(
        ResourceManager.SMGR,
        RecordKind.SMGR_TRUNCATE,
        0,
        Records.bytes(20)
            .putInt(blocks)
            .putInt(tag.spcOid())
            .putInt(tag.dbOid())
            .putInt(tag.relNumber())
            .putInt(flags)
            .array());
  }

  private Lsn commitThatDrops(int xid, RelationTag tag) throws StorageException {
    return wal.record(
        ResourceManager.XACT,
        RecordKind.XACT_COMMIT | RecordKind.XACT_HAS_INFO,
        xid,
        Records.bytes(28)
            .putLong(1_000_000)
            .putInt(1 << 2)
            .putInt(1)
            .putInt(tag.spcOid())
            .putInt(tag.dbOid())
            .putInt(tag.relNumber())
            .array());
  }

  @Test
  void firstWriteCreatesRelationListsItAndItsDatabase() throws Exception {
    Lsn lsn = image(HEAP, 0, 7);
    assertThat(state(HEAP)).isEqualTo(RelationState.ofSize(1));
    assertThat(isListed(HEAP)).isTrue();
    assertThat(wal.timeline.getLatest(TimelineKeys.database(1663, 5))).isPresent();
    assertThat(wal.timeline.lastRecordLsn()).isEqualTo(lsn);
    assertThat(Page.lsn(page(HEAP, 0))).isEqualTo(lsn);
    assertThat(wal.changed).containsExactly(HEAP);
  }

  @Test
  void secondWriteToBlockWithinRelationPutsOneValueOnly() throws Exception {
    image(HEAP, 0, 7);
    int before = wal.timeline.puts();
    image(HEAP, 0, 8);
    assertThat(wal.timeline.puts() - before).isEqualTo(1);
  }

  @Test
  void gapIsFilledWithZeros() throws Exception {
    image(HEAP, 3, 7);
    assertThat(state(HEAP)).isEqualTo(RelationState.ofSize(4));
    for (int block = 0; block < 3; block++) {
      assertThat(page(HEAP, block)).containsOnly(0);
    }
  }

  @Test
  void hostileBlockNumberDoesNotFillTheGap() throws Exception {
    image(HEAP, -2, 7);
    assertThat(state(HEAP)).isEqualTo(new RelationState(0xFFFF_FFFFL, 0xFFFF_FFFFL, false, true));
    assertThat(wal.timeline.puts()).isLessThan(10);
  }

  @Test
  void refusesBlocksThatCannotExist() {
    assertThatThrownBy(() -> image(HEAP, -1, 7))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining("block 4294967295 of relation 1663/5/16384");
    RelationTag noRelation = new RelationTag(1663, 5, 0, 0);
    assertThatThrownBy(() -> new WalIngestTest().image(noRelation, 0, 7))
        .isInstanceOf(StorageException.Corrupt.class);
    RelationTag noFork = new RelationTag(1663, 5, 1, 7);
    assertThatThrownBy(() -> new WalIngestTest().image(noFork, 0, 7))
        .isInstanceOf(StorageException.Corrupt.class);
  }

  @Test
  void changeOfBlockThatWasNeverWrittenFindsZeros() throws Exception {
    image(HEAP, 0, 1);
    // A visibility map is extended without a record; the first that names its block sets bits.
    wal.record(
        ResourceManager.HEAP2,
        RecordKind.HEAP2_VISIBLE,
        0,
        new byte[] {0, 0, 0, 0, 1},
        new Block(0, MAP, 0, 0, NOTHING),
        new Block(1, HEAP, 0, 0, NOTHING));
    assertThat(state(MAP)).isEqualTo(RelationState.ofSize(1));
    assertThat(VisibilityMapPage.bits(page(MAP, 0), 0)).isEqualTo(1);
    assertThat(wal.timeline.versions(Key.relationBlock(MAP, 0)))
        .containsExactly(wal.timeline.lastRecordLsn().plus(-1), wal.timeline.lastRecordLsn());
  }

  @Test
  void oldPagesDoNotComeBackAfterTruncation() throws Exception {
    for (int block = 0; block < 6; block++) {
      image(HEAP, block, 1);
    }
    truncate(HEAP, 2, 1);
    assertThat(state(HEAP)).isEqualTo(new RelationState(2, 6, false, false));
    image(HEAP, 4, 2);
    assertThat(page(HEAP, 2)).containsOnly(0);
    assertThat(page(HEAP, 3)).containsOnly(0);
    assertThat(state(HEAP)).isEqualTo(new RelationState(5, 6, false, false));
    assertThat(Page.itemCount(page(HEAP, 1))).isEqualTo(1);
  }

  @Test
  void oldPagesDoNotComeBackAfterDropAndReuseOfFileNumber() throws Exception {
    for (int block = 0; block < 4; block++) {
      image(HEAP, block, 1);
    }
    commitThatDrops(1_001, HEAP);
    assertThat(isListed(HEAP)).isFalse();
    assertThat(state(HEAP)).isEqualTo(new RelationState(0, 4, true, false));
    smgrCreate(HEAP);
    assertThat(state(HEAP)).isEqualTo(new RelationState(0, 4, false, false));
    image(HEAP, 2, 2);
    assertThat(isListed(HEAP)).isTrue();
    assertThat(page(HEAP, 0)).containsOnly(0);
    assertThat(page(HEAP, 1)).containsOnly(0);
    // A change that needs what was there must not find the page from before the drop either.
    wal.record(
        ResourceManager.HEAP2,
        RecordKind.HEAP2_VISIBLE,
        0,
        new byte[] {0, 0, 0, 0, 1},
        new Block(0, MAP, 0, 0, NOTHING),
        new Block(1, HEAP, 3, 0, NOTHING));
    assertThat(state(HEAP).sizeBlocks()).isEqualTo(4);
  }

  @Test
  void createOfRelationThatExistsChangesNothing() throws Exception {
    image(HEAP, 0, 1);
    int before = wal.timeline.puts();
    smgrCreate(HEAP);
    assertThat(wal.timeline.puts()).isEqualTo(before);
  }

  @Test
  void forgottenRelationsAreReadBack() throws Exception {
    image(HEAP, 1, 1);
    for (int i = 0; i < 40_000; i++) {
      image(new RelationTag(1663, 6, 20_000 + i, 0), 0, 1);
    }
    int before = wal.timeline.puts();
    image(HEAP, 1, 2);
    assertThat(wal.timeline.puts() - before).isEqualTo(1);
    assertThat(state(HEAP).sizeBlocks()).isEqualTo(2);
  }

  @Test
  void truncationCutsVisibilityMapWithinItsPage() throws Exception {
    image(HEAP, 0, 1);
    setVisible(0);
    setVisible(5);
    truncate(HEAP, 3, 1 | 2);
    assertThat(VisibilityMapPage.bits(page(MAP, 0), 0)).isEqualTo(1);
    assertThat(VisibilityMapPage.bits(page(MAP, 0), 5)).isZero();
    assertThat(state(MAP).sizeBlocks()).isEqualTo(1);
    truncate(HEAP, 0, 1 | 2);
    assertThat(state(MAP).sizeBlocks()).isZero();
    assertThat(state(HEAP).sizeBlocks()).isZero();
  }

  private void setVisible(int heapBlock) throws StorageException {
    wal.record(
        ResourceManager.HEAP2,
        RecordKind.HEAP2_VISIBLE,
        0,
        new byte[] {0, 0, 0, 0, 1},
        new Block(0, MAP, VisibilityMapPage.mapBlock(heapBlock), 0, NOTHING),
        new Block(1, HEAP, heapBlock, 0, NOTHING));
  }

  @Test
  void truncationEmptiesLastPageOfFreeSpaceMap() throws Exception {
    RelationTag map = HEAP.withFork(Fork.FSM);
    for (int block = 0; block < 5; block++) {
      image(map, block, 1);
    }
    truncate(HEAP, 10, 1 | 4);
    assertThat(state(map).sizeBlocks()).isEqualTo(3);
    assertThat(page(map, 2)).containsOnly(0);
    truncate(HEAP, 0, 1 | 4);
    assertThat(state(map).sizeBlocks()).isEqualTo(2);
  }

  @Test
  void deleteClearsVisibilityOfItsPage() throws Exception {
    image(HEAP, 0, 1);
    setVisible(0);
    byte[] delete = Records.bytes(8).putInt(1_000).putShort((short) 1).put((byte) 0).array();
    delete[7] = 1;
    wal.record(
        ResourceManager.HEAP,
        RecordKind.HEAP_DELETE,
        1_000,
        delete,
        new Block(0, HEAP, 0, 0, NOTHING));
    assertThat(VisibilityMapPage.bits(page(MAP, 0), 0)).isZero();
  }

  @Test
  void updateClearsVisibilityOfBothPagesWithOneValue() throws Exception {
    image(HEAP, 0, 1);
    image(HEAP, 1, 1);
    setVisible(0);
    setVisible(1);
    byte[] update = new byte[14];
    update[7] = 1 | 2;
    wal.record(
        ResourceManager.HEAP,
        RecordKind.HEAP_UPDATE,
        1_000,
        update,
        new Block(0, HEAP, 1, 0, NOTHING),
        new Block(1, HEAP, 0, 0, NOTHING));
    assertThat(VisibilityMapPage.bits(page(MAP, 0), 0)).isZero();
    assertThat(VisibilityMapPage.bits(page(MAP, 0), 1)).isZero();
  }

  @Test
  void clearOfMapThatWasNeverMadeIsPassedOver() throws Exception {
    image(HEAP, 0, 1);
    byte[] delete = new byte[8];
    delete[7] = 1;
    wal.record(
        ResourceManager.HEAP,
        RecordKind.HEAP_DELETE,
        1_000,
        delete,
        new Block(0, HEAP, 0, 0, NOTHING));
    assertThat(wal.timeline.getLatest(Key.relationSize(MAP))).isEmpty();
  }

  @Test
  void blocksOfUnknownResourceManagersAreKept() throws Exception {
    wal.record(200, 0, 0, NOTHING, new Block(0, HEAP, 0, 0, new byte[] {1, 2, 3}));
    assertThat(state(HEAP).sizeBlocks()).isEqualTo(1);
    assertThatThrownBy(() -> page(HEAP, 0)).isInstanceOf(StorageException.Unsupported.class);
  }

  @Test
  void databaseIsCopiedWithItsPagesMapAndSizes() throws Exception {
    image(HEAP, 0, 1);
    image(HEAP, 2, 1);
    byte[] map = relationMapUpdate(5);
    wal.record(
        ResourceManager.DBASE,
        RecordKind.DBASE_CREATE_FILE_COPY,
        0,
        Records.bytes(16).putInt(9).putInt(1663).putInt(5).putInt(1663).array());
    RelationTag copy = new RelationTag(1663, 9, 16_384, 0);
    assertThat(state(copy)).isEqualTo(RelationState.ofSize(3));
    for (int block = 0; block < 3; block++) {
      assertThat(page(copy, block)).isEqualTo(page(HEAP, block));
    }
    assertThat(wal.timeline.getLatest(TimelineKeys.relationMap(1663, 9))).contains(map);
    assertThat(databases()).containsExactly(5, 9);
  }

  private byte[] relationMapUpdate(int db) throws StorageException {
    byte[] map = new byte[512];
    Arrays.fill(map, (byte) db);
    wal.record(
        ResourceManager.RELMAP,
        RecordKind.RELMAP_UPDATE,
        0,
        Records.bytes(524).putInt(db).putInt(1663).putInt(512).put(map).array());
    return map;
  }

  private List<Integer> databases() throws StorageException {
    TimelineKeys.Range range = TimelineKeys.databases();
    return wal.timeline.keys(range.from(), range.toExclusive()).stream().map(Key::field3).toList();
  }

  @Test
  void tablespaceIsListedUntilItIsDropped() throws Exception {
    RelationTag table = new RelationTag(16_500, 5, 16_384, 0);
    wal.record(
        ResourceManager.TBLSPC, RecordKind.TBLSPC_CREATE, 0, tablespaceCreate(16_500, "/fast"));
    wal.record(ResourceManager.TBLSPC, RecordKind.TBLSPC_CREATE, 0, tablespaceCreate(16_501, ""));
    image(table, 0, 1);
    assertThat(tablespaces()).containsExactly(16_500, 16_501);
    wal.record(
        ResourceManager.TBLSPC, RecordKind.TBLSPC_DROP, 0, Records.bytes(4).putInt(16_500).array());
    assertThat(tablespaces()).containsExactly(16_501);
    assertThat(databases()).isEmpty();
    assertThat(isListed(table)).isFalse();
  }

  private static byte[] tablespaceCreate(int oid, String path) {
    byte[] name = path.getBytes(StandardCharsets.US_ASCII);
    return Records.bytes(5 + name.length).putInt(oid).put(name).array();
  }

  private List<Integer> tablespaces() throws StorageException {
    TimelineKeys.Range range = TimelineKeys.tablespaces();
    return wal.timeline.keys(range.from(), range.toExclusive()).stream().map(Key::field2).toList();
  }

  @Test
  void droppedDatabaseTakesItsRelationsWithIt() throws Exception {
    image(HEAP, 3, 1);
    relationMapUpdate(5);
    RelationTag other = new RelationTag(1663, 6, 16_384, 0);
    image(other, 0, 1);
    wal.record(
        ResourceManager.DBASE,
        RecordKind.DBASE_DROP,
        0,
        Records.bytes(12).putInt(5).putInt(1).putInt(1663).array());
    assertThat(isListed(HEAP)).isFalse();
    assertThat(isListed(other)).isTrue();
    assertThat(databases()).containsExactly(6);
    assertThat(wal.timeline.getLatest(TimelineKeys.relationMap(1663, 5))).isEmpty();
    wal.record(
        ResourceManager.DBASE,
        RecordKind.DBASE_CREATE_WAL_LOG,
        0,
        Records.bytes(8).putInt(5).putInt(1663).array());
    image(HEAP, 1, 2);
    assertThat(state(HEAP)).isEqualTo(new RelationState(2, 4, false, false));
    assertThat(page(HEAP, 0)).containsOnly(0);
    assertThat(databases()).containsExactly(5, 6);
  }
}
