package io.coppice.postgres.verify;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Fork;
import io.coppice.common.id.RelationTag;
import io.coppice.common.key.Key;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.page.PageKind;
import io.coppice.postgres.page.PageMasks;
import io.coppice.postgres.page.VisibilityMapPage;
import io.coppice.postgres.record.DatabaseRecord;
import io.coppice.postgres.record.RecordKind;
import io.coppice.postgres.record.ResourceManager;
import io.coppice.postgres.redo.ByteSink;
import io.coppice.postgres.redo.PageRedo;
import io.coppice.postgres.redo.StoredValues;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.WalRecord;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Replays WAL record by record, the way pages are rebuilt when they are read: each block's change
 * is encoded as a stored value, and applied. Wherever a record carries Postgres's own image of the
 * page after the change, that is compared with the page, after masks.
 *
 * <p>A block that cannot be replayed is counted, and every later change of it with it, until a
 * record makes its page anew.
 */
public final class WalVerifier {
  /** Resource managers, and kinds of records of each. */
  private static final int TYPES = 256 << 4;

  private static final byte[] NO_PAGE = new byte[0];

  private record PageId(RelationTag fork, int block) {}

  private final PostgresVersion version;
  private final ReplayedPages pages;
  private final PageRedo redo;
  private final FileEffects fileEffects;
  private final Consumer<Mismatch> mismatches;
  private RedoObserver observer = RedoObserver.NONE;
  private final @Nullable Counts[] countsByType = new Counts[TYPES];

  /** Pages whose content is not known any more. */
  private final Set<PageId> unknown = new HashSet<>();

  /**
   * Pages of visibility maps whose content a full-page image left out as if it were a hole, as
   * images of databases made through the log do: redo loses the bits, and Postgres's does too.
   */
  private final Set<PageId> emptiedMaps = new HashSet<>();

  private final ByteSink value = new ByteSink();
  private final byte[] expected = new byte[Page.SIZE_BYTES];
  private final byte[] actual = new byte[Page.SIZE_BYTES];

  /**
   * @param base the pages where the WAL begins
   * @param mismatches is told of each page that came out other than Postgres had it
   */
  public WalVerifier(PostgresVersion version, BasePages base, Consumer<Mismatch> mismatches) {
    this.version = version;
    this.pages = new ReplayedPages(base);
    this.redo = new PageRedo(version);
    this.fileEffects = new FileEffects(pages, redo);
    this.mismatches = mismatches;
  }

  /** From now on, shows each page that a record is about to be applied to. */
  public void observe(RedoObserver shown) {
    observer = shown;
  }

  /**
   * Replays the next record.
   *
   * @throws StorageException if a page of the base cannot be read
   */
  public void verify(WalRecord record) throws StorageException {
    Counts counts = countsOf(record);
    counts.addRecord();
    fileEffects.apply(record);
    if (record.resourceManager() == ResourceManager.DBASE
        && DatabaseRecord.parse(record) instanceof DatabaseRecord.CreateByCopy copy) {
      copyEmptiedMaps(copy);
    }
    for (int id = 0; id < record.blockCount(); id++) {
      if (record.hasBlock(id)) {
        verifyBlock(record, id, counts);
      }
    }
  }

  private Counts countsOf(WalRecord record) {
    int kind = record.kind();
    if (record.resourceManager() == ResourceManager.XACT) {
      kind &= RecordKind.XACT_OPERATION_MASK;
    }
    int type = record.resourceManager() << 4 | kind >> 4;
    Counts counts = countsByType[type];
    if (counts == null) {
      counts = new Counts();
      countsByType[type] = counts;
    }
    return counts;
  }

  private void verifyBlock(WalRecord record, int id, Counts counts) throws StorageException {
    RelationTag fork = record.blockTag(id);
    int block = record.blockNumber(id);
    PageId pageId = new PageId(fork, block);
    StoredValues.encodeBlock(record, id, value);
    boolean isComplete = StoredValues.isComplete(value.bytes(), 0, value.length());
    if (isComplete) {
      if (!unknown.isEmpty()) {
        unknown.remove(pageId);
      }
      noteEmptiedMap(record, id, pageId);
    } else if (!unknown.isEmpty() && unknown.contains(pageId)) {
      counts.addUnsupported();
      return;
    }
    byte[] page = isComplete ? pages.toReplace(fork, block) : pages.findOrAdd(fork, block);
    observer.before(record, id, page);
    try {
      Key key = Key.relationBlock(fork, block);
      redo.apply(page, record.end(), key, value.bytes(), 0, value.length());
    } catch (StorageException.Unsupported e) {
      counts.addUnsupported();
      unknown.add(pageId);
      return;
    } catch (StorageException.Corrupt e) {
      counts.addMismatch();
      unknown.add(pageId);
      mismatches.accept(mismatch(record, id, -1, NO_PAGE, page.clone(), message(e)));
      return;
    }
    if (!record.blockApplyImage(id)) {
      counts.addBlock();
      if (record.blockHasImage(id)) {
        compare(record, id, page, counts, emptiedMaps.contains(pageId));
      }
    }
  }

  private static String message(StorageException e) {
    return String.valueOf(e.getMessage());
  }

  private void noteEmptiedMap(WalRecord record, int id, PageId pageId) {
    if (record.blockFork(id) != Fork.VM.number()) {
      return;
    }
    if (record.blockHoleLength(id) > 0) {
      emptiedMaps.add(pageId);
    } else {
      emptiedMaps.remove(pageId);
    }
  }

  /** A copy of a database has the maps as they are here. */
  private void copyEmptiedMaps(DatabaseRecord.CreateByCopy copy) {
    List<PageId> copies = new ArrayList<>();
    for (PageId id : emptiedMaps) {
      RelationTag map = id.fork;
      if (map.spcOid() == copy.sourceTablespaceOid() && map.dbOid() == copy.sourceDatabaseOid()) {
        copies.add(
            new PageId(
                new RelationTag(
                    copy.tablespaceOid(), copy.databaseOid(), map.relNumber(), map.fork()),
                id.block));
      }
    }
    emptiedMaps.addAll(copies);
  }

  private void compare(WalRecord record, int id, byte[] page, Counts counts, boolean isEmptiedMap)
      throws StorageException {
    int block = record.blockNumber(id);
    StoredValues.encodeFullPageImage(record, id, value);
    Key key = Key.relationBlock(record.blockTag(id), block);
    redo.apply(expected, record.end(), key, value.bytes(), 0, value.length());
    System.arraycopy(page, 0, actual, 0, Page.SIZE_BYTES);
    counts.addCompared();
    try {
      mask(record, id, expected);
      mask(record, id, actual);
    } catch (StorageException.Corrupt e) {
      counts.addMismatch();
      mismatches.accept(mismatch(record, id, -1, expected.clone(), actual.clone(), message(e)));
      return;
    }
    if (record.resourceManager() == ResourceManager.HEAP2
        && record.blockFork(id) == Fork.VM.number()
        && (record.kind() & RecordKind.HEAP_OPERATION_MASK) == RecordKind.HEAP2_VISIBLE
        && record.hasBlock(1)) {
      forgiveEarlyClears(record.blockNumber(1));
    }
    if (isEmptiedMap) {
      keepCommonBits(expected, actual);
    }
    int offset = Arrays.mismatch(expected, actual);
    if (offset >= 0) {
      counts.addMismatch();
      mismatches.accept(mismatch(record, id, offset, expected.clone(), actual.clone(), ""));
    }
  }

  /**
   * Postgres clears bits of the map before it logs the record that says so, so that the image may
   * lack bits that redo has yet to clear. Those of the record's own heap block must be right.
   */
  private void forgiveEarlyClears(int heapBlock) {
    int own = VisibilityMapPage.bits(actual, heapBlock);
    keepCommonBits(actual, expected);
    VisibilityMapPage.clear(actual, heapBlock, StoredValues.VM_ALL);
    VisibilityMapPage.set(actual, heapBlock, own);
  }

  private static void keepCommonBits(byte[] map, byte[] other) {
    for (int i = Page.HEADER_BYTES; i < Page.SIZE_BYTES; i++) {
      map[i] &= other[i];
    }
  }

  /** As the resource manager's own mask function. */
  private static void mask(WalRecord record, int id, byte[] page) throws StorageException.Corrupt {
    int block = record.blockNumber(id);
    if (record.blockFork(id) == Fork.VM.number()) {
      PageMasks.mask(page, PageKind.VISIBILITY_MAP, block);
      return;
    }
    switch (record.resourceManager()) {
      case ResourceManager.HEAP, ResourceManager.HEAP2 ->
          PageMasks.mask(page, PageKind.HEAP, block);
      case ResourceManager.BTREE -> PageMasks.mask(page, PageKind.BTREE, block);
      case ResourceManager.HASH -> PageMasks.mask(page, PageKind.HASH, block);
      case ResourceManager.GIN -> PageMasks.mask(page, PageKind.GIN, block);
      case ResourceManager.GIST -> PageMasks.mask(page, PageKind.GIST, block);
      case ResourceManager.SPGIST -> PageMasks.mask(page, PageKind.SPGIST, block);
      case ResourceManager.BRIN -> PageMasks.mask(page, PageKind.BRIN, block);
      case ResourceManager.SEQ -> PageMasks.mask(page, PageKind.SEQUENCE, block);
      case ResourceManager.GENERIC -> PageMasks.maskGeneric(page);
      default -> PageMasks.mask(page, PageKind.OTHER_INDEX, block);
    }
  }

  private static Mismatch mismatch(
      WalRecord record, int id, int offset, byte[] expected, byte[] actual, String reason) {
    return new Mismatch(
        RecordType.of(record),
        record.start(),
        record.blockTag(id),
        record.blockNumber(id),
        offset,
        offset < 0 ? 0 : expected[offset] & 0xFF,
        offset < 0 ? 0 : actual[offset] & 0xFF,
        expected,
        actual,
        reason);
  }

  /** What was seen so far, by type of record. */
  public Map<RecordType, Counts> byType() {
    Map<RecordType, Counts> byType = new TreeMap<>();
    for (int i = 0; i < TYPES; i++) {
      Counts counts = countsByType[i];
      if (counts != null) {
        byType.put(new RecordType(version, i >> 4, (i & 0x0F) << 4), counts);
      }
    }
    return byType;
  }

  /** What was seen so far, in all. */
  public Counts total() {
    Counts total = new Counts();
    for (Counts counts : countsByType) {
      if (counts != null) {
        total.add(counts);
      }
    }
    return total;
  }

  /** Every page that WAL has touched so far and that is known. */
  public void forEachPage(PageVisitor visitor) {
    pages.forEach((fork, block, page) -> {
      if (!unknown.contains(new PageId(fork, block))) {
        visitor.visit(fork, block, page);
      }
    });
  }
}
