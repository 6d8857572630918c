package io.coppice.postgres.redo;

import static io.coppice.postgres.page.VisibilityMapPage.HEAP_BLOCKS_PER_PAGE;
import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Fork;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.key.Key;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.page.VisibilityMapPage;
import io.coppice.postgres.record.RecordKind;
import io.coppice.postgres.record.ResourceManager;
import io.coppice.postgres.version.PostgresVersion;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;

/** Pages of the visibility map among the blocks of heap records, as newer 17 and 18 log them. */
final class HeapVisibilityTest {
  private static final RelationTag MAP = new RelationTag(1663, 5, 16384, Fork.VM.number());
  private static final Lsn BEFORE = Lsn.parse("1/1000");
  private static final Lsn LSN = Lsn.parse("1/2000");
  private static final int VALUE_RECORD = 2;
  private static final int OLD_AND_NEW_CLEARED = 0x03;
  private static final int LOCK_FROZEN_CLEARED = 0x01;
  private static final int OTHER = 100;

  private final PageRedo redo = new PageRedo(PostgresVersion.V17);
  private final byte[] page = new byte[Page.SIZE_BYTES];

  /** A record with that main data; blocks 0 and up are the heap's, and the map's has that id. */
  private void apply(int kind, int mapBlockId, byte[] main, int... heapBlocks)
      throws StorageException {
    ByteBuffer value =
        ByteBuffer.allocate(16 + heapBlocks.length * 6 + main.length)
            .order(ByteOrder.LITTLE_ENDIAN);
    value.put((byte) VALUE_RECORD).put((byte) ResourceManager.HEAP).put((byte) kind);
    value.put((byte) mapBlockId).putInt(700).put((byte) Fork.VM.number());
    value.put((byte) heapBlocks.length).putShort((short) 0).putInt(main.length);
    for (int id = 0; id < heapBlocks.length; id++) {
      value.put((byte) id).put((byte) StoredRecord.SAME_RELATION).putInt(heapBlocks[id]);
    }
    value.put(main);
    byte[] bytes = value.array();
    redo.apply(page, LSN, Key.relationBlock(MAP, 0), bytes, 0, bytes.length);
  }

  private static byte[] update() {
    byte[] main = new byte[14];
    main[7] = OLD_AND_NEW_CLEARED;
    return main;
  }

  private void allVisible(int... heapBlocks) {
    Page.init(page, 0);
    Page.setLsn(page, BEFORE);
    VisibilityMapPage.set(page, OTHER, StoredValues.VM_ALL);
    for (int block : heapBlocks) {
      VisibilityMapPage.set(page, block, StoredValues.VM_ALL);
    }
  }

  private void assertBits(int heapBlock, int bits) {
    assertThat(VisibilityMapPage.bits(page, heapBlock)).as("bits of %s", heapBlock).isEqualTo(bits);
    assertThat(VisibilityMapPage.bits(page, OTHER)).isEqualTo(StoredValues.VM_ALL);
  }

  @Test
  void anUpdateClearsBothPagesThatLieOnOneMap() throws Exception {
    allVisible(7, 9);
    apply(RecordKind.HEAP_UPDATE, 2, update(), 9, 7);
    assertBits(7, 0);
    assertBits(9, 0);
    assertThat(Page.lsn(page)).isEqualTo(LSN);
  }

  @Test
  void anUpdateAcrossTwoMapsClearsEachOnItsOwn() throws Exception {
    int newBlock = HEAP_BLOCKS_PER_PAGE + 9;
    allVisible(7, 9);
    apply(RecordKind.HEAP_UPDATE, 2, update(), newBlock, 7);
    assertBits(9, 0);
    assertBits(7, StoredValues.VM_ALL);
    allVisible(7, 9);
    apply(RecordKind.HEAP_UPDATE, 3, update(), newBlock, 7);
    assertBits(7, 0);
    assertBits(9, StoredValues.VM_ALL);
  }

  @Test
  void aHotUpdateClearsItsOnlyPage() throws Exception {
    allVisible(7);
    apply(RecordKind.HEAP_HOT_UPDATE, 2, update(), 7);
    assertBits(7, 0);
  }

  @Test
  void aLockLeavesThePageVisible() throws Exception {
    byte[] main = new byte[8];
    main[7] = LOCK_FROZEN_CLEARED;
    allVisible(7);
    apply(RecordKind.HEAP_LOCK, 1, main, 7);
    assertBits(7, StoredValues.VM_ALL_VISIBLE);
  }

  @Test
  void aMapWithoutTheBitsStaysAsItWas() throws Exception {
    allVisible();
    apply(RecordKind.HEAP_DELETE, 1, new byte[8], 7);
    assertBits(7, 0);
    assertThat(Page.lsn(page)).isEqualTo(BEFORE);
  }
}
