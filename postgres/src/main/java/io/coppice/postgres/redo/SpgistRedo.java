package io.coppice.postgres.redo;

import static io.coppice.postgres.bytes.LittleEndian.i32;
import static io.coppice.postgres.bytes.LittleEndian.u16;
import static io.coppice.postgres.bytes.LittleEndian.u8;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.page.PageItems;
import io.coppice.postgres.page.SpgistPage;
import io.coppice.postgres.page.SpgistTuple;
import io.coppice.postgres.record.RecordKind;

/**
 * Redo of the resource manager SPGist ({@code spgxlog.c}, {@code spgxlog.h}), as far as tuples are
 * added. All that a record says is in its main data, and blocks have none. Main data begin with
 * what the methods below tell of; the <em>state</em> in it is: xid u32, index is being built u8,
 * padding. Tuples in it are not aligned.
 *
 * <p>A page may be two of a record's pages at once; then it is one of its blocks only.
 */
final class SpgistRedo implements ResourceManagerRedo {
  private static final int NO_OFFSET_NUMBER = 0;
  private static final int ADD_LEAF_BYTES = 10;
  private static final int MOVE_LEAFS_BYTES = 20;
  private static final int MOVE_LEAFS_STATE_AT = 12;
  private static final int ADD_NODE_BYTES = 20;
  private static final int ADD_NODE_STATE_AT = 12;
  private static final int SPLIT_TUPLE_BYTES = 6;
  private static final int PICK_SPLIT_BYTES = 28;
  private static final int PICK_SPLIT_STATE_AT = 20;

  private final SpgistTuples tuples;
  private final SpgistVacuum vacuum;

  SpgistRedo(PageItems items, CatalogMark mark) {
    this.tuples = new SpgistTuples(items);
    this.vacuum = new SpgistVacuum(items, tuples, mark);
  }

  @Override
  public RedoOutcome redo(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    boolean known =
        switch (record.info()) {
          case RecordKind.SPGIST_ADD_LEAF -> addLeaf(page, record);
          case RecordKind.SPGIST_MOVE_LEAFS -> moveLeafs(page, record);
          case RecordKind.SPGIST_ADD_NODE -> addNode(page, record);
          case RecordKind.SPGIST_SPLIT_TUPLE -> splitTuple(page, record);
          case RecordKind.SPGIST_PICKSPLIT -> pickSplit(page, record);
          default -> vacuum.redo(page, record);
        };
    return known ? RedoOutcome.CHANGED : RedoOutcome.UNKNOWN;
  }

  private static boolean isBuild(byte[] bytes, int state) {
    return u8(bytes, state + 4) != 0;
  }

  /** Begins a page anew, if the record says so. */
  private static void open(byte[] page, boolean isNew, int flags) throws StorageException.Corrupt {
    if (isNew) {
      SpgistPage.init(page, flags);
    }
    SpgistPage.check(page);
  }

  private static int leafFlags(boolean storesNulls) {
    return storesNulls ? SpgistPage.LEAF | SpgistPage.NULLS : SpgistPage.LEAF;
  }

  /**
   * Main data: new page u8, stores nulls u8, offset numbers of the leaf, of the head of its chain
   * and of its parent, node of the parent, u16 each; then the leaf tuple. Block 0 is its page, 1
   * that of its parent.
   */
  private boolean addLeaf(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int main = record.main(ADD_LEAF_BYTES);
    int offsetNumber = u16(bytes, main + 2);
    switch (record.blockId()) {
      case 0 -> {
        open(page, u8(bytes, main) != 0, leafFlags(u8(bytes, main + 1) != 0));
        int leaf = main + ADD_LEAF_BYTES;
        int size = SpgistTuple.leafSize(bytes, leaf, record.mainEnd());
        int head = u16(bytes, main + 4);
        if (head == offsetNumber) {
          tuples.replace(page, offsetNumber, bytes, leaf, size);
        } else {
          tuples.addOrReplacePlaceholder(page, offsetNumber, bytes, leaf, size);
          if (head != NO_OFFSET_NUMBER) {
            int tuple = SpgistTuples.find(page, head, SpgistTuple.DEAD_BYTES);
            SpgistTuple.setNext(page, tuple, offsetNumber);
          }
        }
      }
      case 1 -> {
        SpgistPage.check(page);
        SpgistTuples.setLink(
            page, u16(bytes, main + 6), u16(bytes, main + 8), record.otherBlock(0), offsetNumber);
      }
      default -> {
        return false;
      }
    }
    return true;
  }

  /**
   * Main data: number of moved tuples u16, new page u8, replaces a dead tuple u8, stores nulls u8,
   * padding, offset number of the parent u16, its node u16, padding, state; then the offset numbers
   * that the moved had and those that they and one new tuple get, u16 each, then these tuples. If a
   * dead one was replaced, there is the new tuple only. Block 0 is the page that they leave, 1 the
   * one they go to, 2 that of the parent.
   */
  private boolean moveLeafs(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int main = record.main(MOVE_LEAFS_BYTES);
    int moves = u16(bytes, main);
    int inserts = u8(bytes, main + 3) != 0 ? 1 : moves + 1;
    int from = main + MOVE_LEAFS_BYTES;
    int to = from + moves * 2;
    int leafs = to + inserts * 2;
    record.main(leafs - main);
    int last = u16(bytes, leafs - 2);
    switch (record.blockId()) {
      case 0 -> {
        SpgistPage.check(page);
        leaveRedirection(
            page, bytes, from, moves, main + MOVE_LEAFS_STATE_AT, record.otherBlock(1), last);
      }
      case 1 -> {
        open(page, u8(bytes, main + 2) != 0, leafFlags(u8(bytes, main + 4) != 0));
        int at = leafs;
        for (int i = 0; i < inserts; i++) {
          int size = SpgistTuple.leafSize(bytes, at, record.mainEnd());
          tuples.addOrReplacePlaceholder(page, u16(bytes, to + i * 2), bytes, at, size);
          at += size;
        }
      }
      case 2 -> {
        SpgistPage.check(page);
        SpgistTuples.setLink(
            page, u16(bytes, main + 6), u16(bytes, main + 8), record.otherBlock(1), last);
      }
      default -> {
        return false;
      }
    }
    return true;
  }

  /** Of the tuples that go, the first leads on, unless no scan can have come for it yet. */
  private void leaveRedirection(
      byte[] page, byte[] bytes, int at, int count, int state, int toBlock, int toOffsetNumber)
      throws StorageException.Corrupt {
    tuples.replaceManyByDead(
        page,
        bytes,
        at,
        count,
        isBuild(bytes, state) ? SpgistTuple.PLACEHOLDER : SpgistTuple.REDIRECT,
        SpgistTuple.PLACEHOLDER,
        toBlock,
        toOffsetNumber,
        i32(bytes, state));
  }

  /**
   * Main data: offset number the inner tuple had and, if on another page, has now, u16 each, new
   * page u8, which block the parent is on i8, offset number of the parent u16, its node u16,
   * padding, state; then the tuple with one node more. Block 0 is the page it was on, 1 the one it
   * is on now if another, 2 that of the parent if it is neither.
   */
  private boolean addNode(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int main = record.main(ADD_NODE_BYTES);
    int inner = main + ADD_NODE_BYTES;
    int size = SpgistTuple.innerSize(bytes, inner, record.mainEnd());
    int offsetNumber = u16(bytes, main);
    int newOffsetNumber = u16(bytes, main + 2);
    int id = record.blockId();
    boolean hasParent = u8(bytes, main + 5) == id;
    if (id == 0 && !record.hasOther(1)) {
      SpgistPage.check(page);
      tuples.replace(page, offsetNumber, bytes, inner, size);
      return true;
    }
    if (id > 2 || (id == 2 && !hasParent)) {
      return false;
    }
    int newBlock = record.anyBlock(1);
    open(page, id == 1 && u8(bytes, main + 4) != 0, 0);
    if (id == 0) {
      int state = main + ADD_NODE_STATE_AT;
      int left = isBuild(bytes, state) ? SpgistTuple.PLACEHOLDER : SpgistTuple.REDIRECT;
      tuples.replaceByDead(page, offsetNumber, left, newBlock, newOffsetNumber, i32(bytes, state));
    } else if (id == 1) {
      tuples.addOrReplacePlaceholder(page, newOffsetNumber, bytes, inner, size);
    }
    if (hasParent) {
      SpgistTuples.setLink(
          page, u16(bytes, main + 6), u16(bytes, main + 8), newBlock, newOffsetNumber);
    }
    return true;
  }

  /**
   * Main data: offset numbers of the upper and the lower half, u16 each, new page u8, both are on
   * one page u8; then both inner tuples. Block 0 has the upper half, in the place of the tuple that
   * was split, and 1 the lower one if that is on another page.
   */
  private boolean splitTuple(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int main = record.main(SPLIT_TUPLE_BYTES);
    int upper = main + SPLIT_TUPLE_BYTES;
    int upperSize = SpgistTuple.innerSize(bytes, upper, record.mainEnd());
    int lower = upper + upperSize;
    int lowerSize = SpgistTuple.innerSize(bytes, lower, record.mainEnd());
    boolean isOnOnePage = u8(bytes, main + 5) != 0;
    int id = record.blockId();
    if (id > 1 || (id == 1 && isOnOnePage)) {
      return false;
    }
    open(page, id == 1 && u8(bytes, main + 4) != 0, 0);
    if (id == 0) {
      tuples.replace(page, u16(bytes, main), bytes, upper, upperSize);
    }
    if (id == 1 || isOnOnePage) {
      tuples.addOrReplacePlaceholder(page, u16(bytes, main + 2), bytes, lower, lowerSize);
    }
    return true;
  }

  /**
   * Main data: the root is split u8, padding, number of deleted and of inserted leafs u16 each,
   * source and destination begin anew u8 each, offset number of the inner tuple u16, its page
   * begins anew u8, stores nulls u8, parent is on the inner tuple's page u8, padding, offset number
   * of the parent u16, its node u16, padding, state; then the offset numbers of the deleted, of the
   * inserted, u16 each, on which page each inserted one goes u8 each, the inner tuple, the inserted
   * leafs. Block 0 is the source, 1 the destination, 2 has the inner tuple, 3 its parent.
   */
  private boolean pickSplit(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int main = record.main(PICK_SPLIT_BYTES);
    int deletes = u16(bytes, main + 2);
    int offsetNumber = u16(bytes, main + 8);
    boolean storesNulls = u8(bytes, main + 11) != 0;
    switch (record.blockId()) {
      case 0 -> {
        boolean isNew = u8(bytes, main + 6) != 0;
        open(page, isNew, leafFlags(storesNulls));
        if (!isNew) {
          int from = main + PICK_SPLIT_BYTES;
          record.main(PICK_SPLIT_BYTES + deletes * 2);
          int state = main + PICK_SPLIT_STATE_AT;
          leaveRedirection(page, bytes, from, deletes, state, record.otherBlock(2), offsetNumber);
        }
        addPicked(page, record, false);
      }
      case 1 -> {
        open(page, u8(bytes, main + 7) != 0, leafFlags(storesNulls));
        addPicked(page, record, true);
      }
      case 2 -> {
        open(page, u8(bytes, main + 10) != 0, storesNulls ? SpgistPage.NULLS : 0);
        int inner = innerOfPickSplit(record);
        int size = SpgistTuple.innerSize(bytes, inner, record.mainEnd());
        tuples.addOrReplacePlaceholder(page, offsetNumber, bytes, inner, size);
        if (u8(bytes, main + 12) != 0) {
          linkPicked(page, bytes, main, record.block());
        }
      }
      case 3 -> {
        SpgistPage.check(page);
        linkPicked(page, bytes, main, record.otherBlock(2));
      }
      default -> {
        return false;
      }
    }
    return true;
  }

  private static void linkPicked(byte[] page, byte[] bytes, int main, int innerBlock)
      throws StorageException.Corrupt {
    SpgistTuples.setLink(
        page, u16(bytes, main + 14), u16(bytes, main + 16), innerBlock, u16(bytes, main + 8));
  }

  private static int innerOfPickSplit(StoredRecord record) throws StorageException.Corrupt {
    int main = record.main(PICK_SPLIT_BYTES);
    int deletes = u16(record.bytes(), main + 2);
    int inserts = u16(record.bytes(), main + 4);
    int length = PICK_SPLIT_BYTES + deletes * 2 + inserts * 3;
    return record.main(length) + length;
  }

  /** Adds those of the leafs that go to the source, or those that go to the destination. */
  private void addPicked(byte[] page, StoredRecord record, boolean toDestination)
      throws StorageException.Corrupt {
    byte[] bytes = record.bytes();
    int inserts = u16(bytes, record.main(PICK_SPLIT_BYTES) + 4);
    int inner = innerOfPickSplit(record);
    int pages = inner - inserts;
    int offsetNumbers = pages - inserts * 2;
    int at = inner + SpgistTuple.innerSize(bytes, inner, record.mainEnd());
    for (int i = 0; i < inserts; i++) {
      int size = SpgistTuple.leafSize(bytes, at, record.mainEnd());
      if (u8(bytes, pages + i) != 0 == toDestination) {
        tuples.addOrReplacePlaceholder(page, u16(bytes, offsetNumbers + i * 2), bytes, at, size);
      }
      at += size;
    }
  }
}
