package io.coppice.postgres.redo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Fork;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.key.Key;
import io.coppice.postgres.page.BrinPage;
import io.coppice.postgres.page.GinPage;
import io.coppice.postgres.page.GistPage;
import io.coppice.postgres.page.HashPage;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.page.SpgistPage;
import io.coppice.postgres.page.VisibilityMapPage;
import io.coppice.postgres.record.RecordKind;
import io.coppice.postgres.record.ResourceManager;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.testsupport.Seeded;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

final class PageRedoTest {
  private static final RelationTag RELATION = new RelationTag(1663, 5, 16384, 0);
  private static final Key BLOCK = Key.relationBlock(RELATION, 7);
  private static final Key MAP = Key.relationBlock(RELATION.withFork(Fork.VM), 0);
  private static final Key SLRU = new Key(1, 0, 1, 0, 0, 0);
  private static final Lsn LSN = Lsn.parse("1/2000");

  private final PageRedo redo = new PageRedo(PostgresVersion.V15);
  private final ByteSink value = new ByteSink();
  private final byte[] page = new byte[Page.SIZE_BYTES];

  private void apply(Key key) throws StorageException {
    redo.apply(page, LSN, key, value.bytes(), 0, value.length());
  }

  @Test
  void anImageReplacesThePage() throws Exception {
    byte[] image = new byte[Page.SIZE_BYTES];
    Arrays.fill(image, (byte) 3);
    StoredValues.encodeImage(value, image, 0, image.length);
    apply(BLOCK);
    assertThat(page).isEqualTo(image);
  }

  @Test
  void aShortImageIsCorrupt() {
    StoredValues.encodeImage(value, page, 0, 100);
    assertThatThrownBy(() -> apply(BLOCK))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining("100 bytes");
  }

  @Test
  void aZeroPageIsZeros() throws Exception {
    Arrays.fill(page, (byte) 9);
    StoredValues.encodeZeroPage(value);
    apply(BLOCK);
    assertThat(page).containsOnly(0);
  }

  @Test
  void onlyValuesThatMakeAPageByThemselvesAreComplete() {
    for (ValueKind kind : ValueKind.values()) {
      byte[] bytes = {99, (byte) kind.code()};
      assertThat(StoredValues.isComplete(bytes, 1, 1)).as(kind.name()).isEqualTo(kind.isComplete());
    }
  }

  @Test
  void clearsTheBitsOfTwoHeapBlocksOfOneMapPage() throws Exception {
    Page.init(page, 0);
    for (int block = 0; block < 8; block++) {
      VisibilityMapPage.set(page, block, StoredValues.VM_ALL);
    }
    StoredValues.encodeClearVmBits(value, StoredValues.VM_ALL, 2, 5);
    apply(MAP);
    StoredValues.encodeClearVmBits(value, StoredValues.VM_ALL_FROZEN, 6);
    apply(MAP);
    assertThat(page[Page.HEADER_BYTES] & 0xFF).isEqualTo(0b11_00_11_11);
    assertThat(page[Page.HEADER_BYTES + 1] & 0xFF).isEqualTo(0b11_01_00_11);
  }

  @Test
  void cutsAMapInTheMiddleOfAByte() throws Exception {
    Arrays.fill(page, Page.HEADER_BYTES, Page.SIZE_BYTES, (byte) 0xFF);
    StoredValues.encodeTruncateVm(value, VisibilityMapPage.HEAP_BLOCKS_PER_PAGE + 6);
    apply(Key.relationBlock(RELATION.withFork(Fork.VM), 1));
    assertThat(page[Page.HEADER_BYTES] & 0xFF).isEqualTo(0xFF);
    assertThat(page[Page.HEADER_BYTES + 1] & 0xFF).isEqualTo(0x0F);
    assertThat(Arrays.copyOfRange(page, Page.HEADER_BYTES + 2, Page.SIZE_BYTES)).containsOnly(0);
  }

  @Test
  void setsTheStatusOfTransactions() throws Exception {
    int first = SlruPages.XACTS_PER_PAGE * 3;
    int[] xids = {first, first + 1, first + 7};
    StoredValues.encodeXactStatus(value, StoredValues.XACT_COMMITTED, xids, 0, 2);
    apply(SLRU);
    StoredValues.encodeXactStatus(value, StoredValues.XACT_ABORTED, xids, 2, 1);
    apply(SLRU);
    assertThat(page[0] & 0xFF).isEqualTo(0b00_00_01_01);
    assertThat(page[1] & 0xFF).isEqualTo(0b10_00_00_00);
    assertThat(SlruPages.xactStatus(page, first + 7)).isEqualTo(StoredValues.XACT_ABORTED);
  }

  @Test
  void aCommittedTransactionIsNotMadeSubCommitted() throws Exception {
    int[] xids = {42};
    StoredValues.encodeXactStatus(value, StoredValues.XACT_COMMITTED, xids, 0, 1);
    apply(SLRU);
    StoredValues.encodeXactStatus(value, StoredValues.XACT_SUB_COMMITTED, xids, 0, 1);
    apply(SLRU);
    assertThat(SlruPages.xactStatus(page, 42)).isEqualTo(StoredValues.XACT_COMMITTED);
  }

  @Test
  void setsWhereMultixactsBegin() throws Exception {
    int multixact = SlruPages.OFFSETS_PER_PAGE + 5;
    StoredValues.encodeMultixactOffset(value, multixact, 100, 103);
    apply(SLRU);
    assertThat(SlruPages.memberOffset(page, multixact)).isEqualTo(100);
    assertThat(SlruPages.memberOffset(page, multixact + 1)).isEqualTo(103);
    assertThat(page[5 * 4]).isEqualTo((byte) 100);
  }

  @Test
  void setsMembersGroupByGroup() throws Exception {
    StoredValues.startMultixactMembers(value, SlruPages.MEMBERS_PER_PAGE + 3);
    StoredValues.addMultixactMember(value, 0x01020304, 5);
    StoredValues.addMultixactMember(value, 7, 1);
    apply(SLRU);
    assertThat(page[3]).isEqualTo((byte) 5);
    assertThat(Arrays.copyOfRange(page, 16, 20)).containsExactly(4, 3, 2, 1);
    assertThat(page[20]).isEqualTo((byte) 1);
    assertThat(page[24]).isEqualTo((byte) 7);
  }

  /** A record without data, as stored for one block. */
  private void storeRecord(int resourceManager, int info, int blockId) {
    value.reset().put8(ValueKind.RECORD.code()).put8(resourceManager).put8(info).put8(blockId);
    value.put32(700).put8(0).put8(0).put16(0).put32(0);
  }

  @Test
  void aRecordThatIsNotReplayedIsNamedWithItsPlace() {
    storeRecord(ResourceManager.LOGICALMSG, RecordKind.LOGICALMSG_MESSAGE, 0);
    assertThatThrownBy(() -> apply(BLOCK))
        .isInstanceOf(StorageException.Unsupported.class)
        .hasMessageContainingAll("LogicalMessage/MESSAGE", "1/2000", "1663/5/16384", "block 7");
    storeRecord(200, 0x30, 0);
    assertThatThrownBy(() -> apply(BLOCK))
        .isInstanceOf(StorageException.Unsupported.class)
        .hasMessageContaining("custom200");
    storeRecord(ResourceManager.HEAP, RecordKind.HEAP_INSERT, 3);
    assertThatThrownBy(() -> apply(BLOCK)).isInstanceOf(StorageException.Unsupported.class);
  }

  @Test
  void aPageFromTheFutureIsCorrupt() {
    Page.init(page, 0);
    Page.setLsn(page, LSN.plus(8));
    storeRecord(ResourceManager.HEAP, RecordKind.HEAP_DELETE, 0);
    assertThatThrownBy(() -> apply(BLOCK))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining("1/2008");
  }

  @Test
  void aRecordThatDoesNotFitThePageIsCorruptAndNamed() {
    Page.init(page, 0);
    storeRecord(ResourceManager.HEAP, RecordKind.HEAP_DELETE, 0);
    assertThatThrownBy(() -> apply(BLOCK))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContainingAll("Heap/DELETE", "1/2000");
  }

  @Test
  void aHintWithoutAnImageChangesNothing() throws Exception {
    Page.init(page, 0);
    byte[] before = page.clone();
    storeRecord(ResourceManager.XLOG, RecordKind.XLOG_FPI_FOR_HINT, 0);
    apply(BLOCK);
    assertThat(page).isEqualTo(before);
  }

  @Seeded(tries = 300)
  void anyBytesAreAppliedOrRefused(long seed) {
    Random random = new Random(seed);
    PostgresVersion[] versions = PostgresVersion.values();
    PageRedo ofAny = new PageRedo(versions[random.nextInt(versions.length)]);
    Key[] keys = {BLOCK, MAP};
    for (int round = 0; round < 200; round++) {
      random.nextBytes(page);
      initLikely(random);
      Page.setLsn(page, Lsn.INVALID);
      byte[] bytes = new byte[random.nextInt(200)];
      random.nextBytes(bytes);
      if (bytes.length > 16) {
        makeLikely(bytes, random);
      }
      try {
        ofAny.apply(page, LSN, keys[random.nextInt(keys.length)], bytes, 0, bytes.length);
      } catch (StorageException.Corrupt | StorageException.Unsupported e) {
        assertThat(e).hasMessageContaining("1/2000");
      } catch (StorageException e) {
        throw new AssertionError(e);
      }
    }
  }

  private void initLikely(Random random) {
    switch (random.nextInt(9)) {
      case 0, 1 -> Page.init(page, random.nextInt(3) * 8);
      case 2 -> HashPage.init(page, 1, 2, 3, random.nextInt(256));
      case 3 -> GinPage.init(page, random.nextInt(256));
      case 4 -> GistPage.init(page, random.nextInt(32));
      case 5 -> SpgistPage.init(page, random.nextInt(16));
      case 6 -> BrinPage.init(page, BrinPage.META + random.nextInt(3));
      default -> {}
    }
  }

  /** A record of a known kind, and lengths that add up. */
  private static void makeLikely(byte[] bytes, Random random) {
    int[] known = {
      ResourceManager.HEAP,
      ResourceManager.HEAP2,
      ResourceManager.BTREE,
      ResourceManager.HASH,
      ResourceManager.GIN,
      ResourceManager.GIST,
      ResourceManager.SPGIST,
      ResourceManager.BRIN,
      ResourceManager.SEQ,
      ResourceManager.GENERIC
    };
    bytes[0] = (byte) (random.nextBoolean() ? 2 : 3);
    bytes[1] = (byte) known[random.nextInt(known.length)];
    bytes[2] = (byte) (random.nextInt(16) << 4);
    bytes[3] = (byte) random.nextInt(5);
    bytes[9] = 0;
    int main = random.nextInt(bytes.length - 15);
    bytes[12] = (byte) main;
    bytes[13] = 0;
    bytes[14] = 0;
    bytes[15] = 0;
    bytes[10] = (byte) (bytes.length - 16 - main);
    bytes[11] = 0;
  }
}
