package io.coppice.pageserver.ingest;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Fork;
import io.coppice.common.id.RelationTag;
import io.coppice.pageserver.query.RelationState;
import io.coppice.pageserver.timeline.TimelineKeys;
import io.coppice.postgres.page.FreeSpaceMap;
import io.coppice.postgres.page.VisibilityMapPage;
import io.coppice.postgres.redo.StoredValues;
import io.coppice.postgres.wal.WalRecord;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Relations as WAL leaves them: which exist, and how many blocks they have. Postgres's redo creates
 * and extends relations as blocks are touched; so does this.
 *
 * <p>Old versions of a block stay below a truncation or a drop. So that they never come back, a
 * relation that grows again is filled with pages of zeros as far as it ever reached.
 */
final class Relations {
  /** Blocks that are filled with zeros wherever a relation grows past its end. */
  static final long GAP_BLOCKS_FILLED = 256 * 1024;

  /** Blocks filled at most where a relation grows over its own old blocks. */
  static final long OLD_BLOCKS_FILLED_MAX = 1 << 20;

  /** Blocks in a relation at most: the last number is "no block". */
  private static final long BLOCKS_MAX = 0xFFFF_FFFFL;

  private static final int DIRECTORIES_REMEMBERED_MAX = 4_096;
  private static final byte[] PRESENT = {1};

  private final ValueSink sink;
  private final RelationListener listener;
  private final RelationCache cache = new RelationCache();
  private final Set<Long> directories = new HashSet<>();
  private final byte[] stateBytes = new byte[RelationState.SIZE_BYTES];

  Relations(ValueSink sink, RelationListener listener) {
    this.sink = sink;
    this.listener = listener;
  }

  /** The fork of those numbers, which need not exist. */
  Relation find(int spc, int db, int relNumber, int fork) throws StorageException {
    Relation relation = cache.find(spc, db, relNumber, fork);
    return relation != null ? relation : load(spc, db, relNumber, fork);
  }

  Relation find(RelationTag tag) throws StorageException {
    return find(tag.spcOid(), tag.dbOid(), tag.relNumber(), tag.fork());
  }

  private Relation load(int spc, int db, int relNumber, int fork) throws StorageException {
    Relation relation = new Relation(spc, db, relNumber, fork);
    Optional<byte[]> stored = sink.latest(relation.sizeKey());
    if (stored.isPresent()) {
      relation.set(RelationState.read(stored.get()));
    }
    cache.add(relation);
    return relation;
  }

  /** Makes a fork exist, empty if it did not. */
  void create(Relation relation) throws StorageException {
    if (!relation.exists) {
      resize(relation, 0);
    }
  }

  /**
   * Makes a fork as large as {@code relation.grownToBlocks}.
   *
   * @param record whose blocks are stored already, and are not filled; null if there are none
   */
  void growTo(Relation relation, @Nullable WalRecord record) throws StorageException {
    long from = relation.sizeBlocks;
    long to = relation.grownToBlocks;
    long gap = to - from - 1;
    if (gap > 0) {
      fillGap(relation, from, to, record);
    }
    resize(relation, to);
  }

  private void fillGap(Relation relation, long from, long to, @Nullable WalRecord record)
      throws StorageException {
    long fillTo = to;
    if (to - from > GAP_BLOCKS_FILLED) {
      // No block past this was ever written, so none can be found there: it reads as zeros.
      fillTo = Math.min(to, relation.everBlocks);
      relation.holes = true;
      if (fillTo - from > OLD_BLOCKS_FILLED_MAX) {
        throw new StorageException.Corrupt(
            "WAL before %s makes relation %s grow from %d to %d blocks at once, over %d old ones"
                .formatted(sink.lsn(), relation.tag(), from, to, fillTo - from));
      }
    }
    for (long block = from; block < fillTo; block++) {
      if (record == null || !mentions(record, relation, block)) {
        sink.putZeroPage(relation.blockKey(block));
      }
    }
  }

  private static boolean mentions(WalRecord record, Relation relation, long block) {
    for (int id = 0; id < record.blockCount(); id++) {
      if (record.hasBlock(id)
          && record.blockNumber(id) == (int) block
          && relation.is(
              record.blockSpc(id), record.blockDb(id), record.blockRel(id), record.blockFork(id))) {
        return true;
      }
    }
    return false;
  }

  /** Sets the size of a fork whose blocks below it are all stored. */
  void setSize(Relation relation, long sizeBlocks) throws StorageException {
    resize(relation, sizeBlocks);
  }

  private void resize(Relation relation, long sizeBlocks) throws StorageException {
    if (!relation.exists) {
      relation.exists = true;
      relation.sizeBlocks = 0;
      sink.putImage(TimelineKeys.relationExists(relation.tag()), PRESENT);
      listDirectory(relation.spc, relation.db);
    }
    relation.sizeBlocks = sizeBlocks;
    relation.grownToBlocks = sizeBlocks;
    relation.everBlocks = Math.max(relation.everBlocks, sizeBlocks);
    store(relation);
  }

  private void store(Relation relation) throws StorageException {
    listener.changed(relation.tag(), sink.lsn());
    relation.state().write(stateBytes, 0);
    sink.putImage(relation.sizeKey(), stateBytes);
  }

  /** Puts a database's directory into the listing unless it is there. */
  void listDirectory(int spc, int db) throws StorageException {
    long name = (long) spc << 32 | (db & 0xFFFF_FFFFL);
    if (directories.contains(name)) {
      return;
    }
    if (sink.latest(TimelineKeys.database(spc, db)).isEmpty()) {
      sink.putImage(TimelineKeys.database(spc, db), PRESENT);
    }
    if (directories.size() == DIRECTORIES_REMEMBERED_MAX) {
      directories.clear();
    }
    directories.add(name);
  }

  /** Takes a database's directory out of the listing. */
  void unlistDirectory(int spc, int db) throws StorageException {
    directories.remove((long) spc << 32 | (db & 0xFFFF_FFFFL));
    sink.delete(TimelineKeys.database(spc, db));
  }

  /** Drops all forks of a relation that exist. */
  void dropAllForks(int spc, int db, int relNumber) throws StorageException {
    for (Fork fork : Fork.values()) {
      drop(find(spc, db, relNumber, fork.number()));
    }
  }

  void drop(Relation relation) throws StorageException {
    if (!relation.exists) {
      return;
    }
    relation.exists = false;
    relation.sizeBlocks = 0;
    relation.grownToBlocks = 0;
    relation.holes = false;
    store(relation);
    sink.delete(TimelineKeys.relationExists(relation.tag()));
  }

  /** Cuts the main fork; it is created if it is not there, as Postgres's redo does. */
  void truncateHeap(RelationTag tag, long blocks) throws StorageException {
    Relation heap = find(tag.withFork(Fork.MAIN));
    create(heap);
    if (heap.sizeBlocks > blocks) {
      resize(heap, blocks);
    }
  }

  /** Cuts the visibility map of a heap that is cut to so many blocks. */
  void truncateVisibilityMap(RelationTag tag, long heapBlocks) throws StorageException {
    Relation map = find(tag.withFork(Fork.VM));
    long blocks = heapBlocks / VisibilityMapPage.HEAP_BLOCKS_PER_PAGE;
    if (!map.exists || map.sizeBlocks <= blocks) {
      return;
    }
    if (heapBlocks % VisibilityMapPage.HEAP_BLOCKS_PER_PAGE != 0) {
      StoredValues.encodeTruncateVm(sink.scratch(), (int) heapBlocks);
      sink.put(map.blockKey(blocks));
      blocks++;
    }
    if (map.sizeBlocks > blocks) {
      resize(map, blocks);
    }
  }

  /**
   * Cuts the free-space map of a heap that is cut to so many blocks. Its last page is emptied as a
   * whole, not only past the cut: what it held was a hint.
   */
  void truncateFreeSpaceMap(RelationTag tag, long heapBlocks) throws StorageException {
    Relation map = find(tag.withFork(Fork.FSM));
    long page = FreeSpaceMap.mapBlock(heapBlocks);
    if (!map.exists || map.sizeBlocks <= page) {
      return;
    }
    if (heapBlocks % FreeSpaceMap.SLOTS_PER_PAGE != 0) {
      sink.putZeroPage(map.blockKey(page));
      page++;
    }
    if (map.sizeBlocks > page) {
      resize(map, page);
    }
  }

  /** Refuses a block that cannot be. */
  static void checkBlock(WalRecord record, int id) throws StorageException.Corrupt {
    if (record.blockRel(id) == 0
        || record.blockFork(id) >= Fork.values().length
        || (record.blockNumber(id) & 0xFFFF_FFFFL) >= BLOCKS_MAX) {
      throw new StorageException.Corrupt(
          "the WAL record at %s names block %s of relation %d/%d/%d fork %d, which cannot exist"
              .formatted(
                  record.start(),
                  Integer.toUnsignedString(record.blockNumber(id)),
                  record.blockSpc(id) & 0xFFFF_FFFFL,
                  record.blockDb(id) & 0xFFFF_FFFFL,
                  record.blockRel(id) & 0xFFFF_FFFFL,
                  record.blockFork(id)));
    }
  }
}
