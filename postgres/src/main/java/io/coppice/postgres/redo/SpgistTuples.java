package io.coppice.postgres.redo;

import static io.coppice.postgres.bytes.LittleEndian.putU16;
import static io.coppice.postgres.bytes.LittleEndian.u16;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.page.HeapTuple;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.page.PageItems;
import io.coppice.postgres.page.SpgistPage;
import io.coppice.postgres.page.SpgistTuple;
import java.util.Arrays;

/**
 * What redo of SP-GiST does to tuples ({@code spgdoinsert.c}). Offset numbers are pointed at from
 * elsewhere: a tuple that goes leaves a dead one behind, which a later tuple may replace.
 */
final class SpgistTuples {
  /** More items than a page has room for. */
  private static final int ITEMS_MAX = Page.SIZE_BYTES / Page.LINE_POINTER_BYTES;

  private final PageItems items;
  private final byte[] dead = new byte[SpgistTuple.DEAD_BYTES];

  /** Offset numbers in ascending order, u16 each. */
  private final byte[] ascending = new byte[ITEMS_MAX * 2];

  /** The set of those, while they are sorted: a bit for each. */
  private final long[] chosen = new long[ITEMS_MAX / Long.SIZE];

  SpgistTuples(PageItems items) {
    this.items = items;
  }

  /** Where a tuple begins that must be there and at least so long. */
  static int find(byte[] page, int offsetNumber, int lengthMin) throws StorageException.Corrupt {
    return Page.itemOffset(PageItems.stored(page, offsetNumber, lengthMin));
  }

  /** {@code addOrReplaceTuple}: what may be at that offset number is a placeholder. */
  void addOrReplacePlaceholder(byte[] page, int offsetNumber, byte[] from, int at, int size)
      throws StorageException.Corrupt {
    if (offsetNumber <= Page.itemCount(page)) {
      int present = find(page, offsetNumber, SpgistTuple.DEAD_BYTES);
      if (SpgistTuple.state(page, present) != SpgistTuple.PLACEHOLDER) {
        throw new StorageException.Corrupt(
            "SP-GiST tuple %d is no placeholder".formatted(offsetNumber));
      }
      SpgistPage.addPlaceholders(page, -1);
      PageItems.deleteFromIndex(page, offsetNumber);
    }
    items.addToIndex(page, offsetNumber, from, at, size);
  }

  void replace(byte[] page, int offsetNumber, byte[] from, int at, int size)
      throws StorageException.Corrupt {
    PageItems.deleteFromIndex(page, offsetNumber);
    items.addToIndex(page, offsetNumber, from, at, size);
  }

  /**
   * Leaves a dead tuple where a tuple was. Where it went, and the transaction, are of use for a
   * redirection only.
   */
  void replaceByDead(
      byte[] page, int offsetNumber, int state, int toBlock, int toOffsetNumber, int xid)
      throws StorageException.Corrupt {
    SpgistTuple.writeDead(dead, 0, state, toBlock, toOffsetNumber, xid);
    replace(page, offsetNumber, dead, 0, SpgistTuple.DEAD_BYTES);
    count(page, state);
  }

  /**
   * {@code spgPageIndexMultiDelete}: leaves dead tuples where tuples were whose offset numbers
   * stand, in any order and 16 bits each, in {@code from}. The first of them becomes one of {@code
   * firstState}, which may lead on, the others of {@code otherState}.
   */
  void replaceManyByDead(
      byte[] page,
      byte[] from,
      int at,
      int deletes,
      int firstState,
      int otherState,
      int toBlock,
      int toOffsetNumber,
      int xid)
      throws StorageException.Corrupt {
    if (deletes == 0) {
      return;
    }
    sort(page, from, at, deletes);
    items.deleteManyFromIndex(page, ascending, 0, deletes);
    int first = u16(from, at);
    for (int i = 0; i < deletes; i++) {
      int offsetNumber = u16(ascending, i * 2);
      int state = offsetNumber == first ? firstState : otherState;
      SpgistTuple.writeDead(dead, 0, state, toBlock, toOffsetNumber, xid);
      items.addToIndex(page, offsetNumber, dead, 0, SpgistTuple.DEAD_BYTES);
      count(page, state);
    }
  }

  private static void count(byte[] page, int state) {
    if (state == SpgistTuple.REDIRECT) {
      SpgistPage.addRedirections(page, 1);
    } else if (state == SpgistTuple.PLACEHOLDER) {
      SpgistPage.addPlaceholders(page, 1);
    }
  }

  private void sort(byte[] page, byte[] from, int at, int count) throws StorageException.Corrupt {
    Arrays.fill(chosen, 0);
    for (int i = 0; i < count; i++) {
      int offsetNumber = u16(from, at + i * 2);
      PageItems.existing(page, offsetNumber);
      long bit = 1L << offsetNumber;
      if ((chosen[offsetNumber / Long.SIZE] & bit) != 0) {
        throw new StorageException.Corrupt("SP-GiST tuple %d goes twice".formatted(offsetNumber));
      }
      chosen[offsetNumber / Long.SIZE] |= bit;
    }
    int to = 0;
    for (int word = 0; word < chosen.length; word++) {
      for (long left = chosen[word]; left != 0; left &= left - 1) {
        putU16(ascending, to, word * Long.SIZE + Long.numberOfTrailingZeros(left));
        to += 2;
      }
    }
  }

  /** Removes placeholders from that offset number to the end of the page. */
  void removePlaceholdersFrom(byte[] page, int first) throws StorageException.Corrupt {
    PageItems.existing(page, first);
    int count = Page.itemCount(page) - first + 1;
    for (int i = 0; i < count; i++) {
      putU16(ascending, i * 2, first + i);
    }
    items.deleteManyFromIndex(page, ascending, 0, count);
    SpgistPage.addPlaceholders(page, -count);
  }

  /** {@code spgUpdateNodeLink}: where a node of an inner tuple leads. */
  static void setLink(byte[] page, int innerOffsetNumber, int node, int toBlock, int toOffsetNumber)
      throws StorageException.Corrupt {
    int linePointer = PageItems.stored(page, innerOffsetNumber, SpgistTuple.INNER_HEADER_BYTES);
    int at =
        SpgistTuple.node(page, Page.itemOffset(linePointer), Page.itemLength(linePointer), node);
    HeapTuple.setPosition(page, at, toBlock, toOffsetNumber);
  }
}
