package io.coppice.postgres.page;

import static io.coppice.postgres.bytes.LittleEndian.putI32;
import static io.coppice.postgres.bytes.LittleEndian.putU16;
import static io.coppice.postgres.bytes.LittleEndian.u16;
import static io.coppice.postgres.bytes.LittleEndian.u8;

import io.coppice.common.error.StorageException;
import java.util.Arrays;

/**
 * Hides what two pages with the same content may differ in, as Postgres does when it checks its own
 * redo ({@code bufmask.c} and the {@code *_mask} functions): LSN, checksum, hint bits, command ids,
 * unused space. Mask both, then compare the bytes.
 */
public final class PageMasks {
  /** A line pointer of an index leaf without its flags, which are hints there. */
  private static final int LINE_POINTER_WITHOUT_FLAGS = ~0x0001_8000;

  private PageMasks() {}

  /**
   * Masks a page in place. A page that was never initialised stays as it is, but one of a map
   * becomes an empty one: Postgres makes those when it first reads them.
   *
   * @param block the page's number in its fork
   * @throws StorageException.Corrupt if the header makes no sense
   */
  public static void mask(byte[] page, PageKind kind, int block) throws StorageException.Corrupt {
    boolean isMap = kind == PageKind.VISIBILITY_MAP || kind == PageKind.FREE_SPACE_MAP;
    if (Page.isNew(page)) {
      if (isMap) {
        Page.init(page, 0);
      }
      return;
    }
    Page.setLsnValue(page, 0);
    Page.setChecksum(page, 0);
    switch (kind) {
      case HEAP -> {
        maskHints(page);
        maskUnusedSpace(page);
        maskTuples(page, block);
      }
      case BTREE -> {
        maskHints(page);
        maskUnusedSpace(page);
        maskBtree(page);
      }
      case HASH -> {
        maskHints(page);
        maskUnusedSpace(page);
        maskHash(page);
      }
      case GIN -> maskGin(page);
      case GIST -> {
        maskHints(page);
        maskUnusedSpace(page);
        maskGist(page);
      }
      case SPGIST, OTHER_INDEX -> {
        maskHints(page);
        maskUnusedSpace(page);
      }
      case BRIN -> {
        maskHints(page);
        maskBrin(page);
      }
      case SEQUENCE -> maskUnusedSpace(page);
      // Postgres masks a map as if it were a heap, and so all of it. Here its bits are compared.
      case VISIBILITY_MAP, FREE_SPACE_MAP -> {}
    }
  }

  /** Masks a page that extensions changed through {@code generic_xlog.c}. */
  public static void maskGeneric(byte[] page) throws StorageException.Corrupt {
    Page.setLsnValue(page, 0);
    Page.setChecksum(page, 0);
    maskUnusedSpace(page);
  }

  /**
   * Masks, over and above {@link #mask}, the counters of a sequence. A page that redo made and a
   * server's file differ in them: Postgres logs values ahead of their use, 32 at a time, so that
   * the logged {@code last_value} is at or past the one in the file ({@code sequence.c}).
   */
  public static void maskSequenceCounters(byte[] page) throws StorageException.Corrupt {
    int linePointer = PageItems.normal(page, 1, HeapTuple.HEADER_BYTES);
    int tuple = Page.itemOffset(linePointer);
    int data = tuple + u8(page, tuple + HeapTuple.HEADER_LENGTH_AT);
    Arrays.fill(page, data, tuple + Page.itemLength(linePointer), (byte) 0);
  }

  /**
   * Masks, over and above {@link #mask}, which pages of an SP-GiST index had room lately: its
   * metapage remembers them, which is not logged ({@code SpGistUpdateMetaPage}).
   */
  public static void maskSpgistLastUsedPages(byte[] page) throws StorageException.Corrupt {
    SpgistPage.check(page);
    SpgistPage.clearLastUsedPages(page);
  }

  private static void maskHints(byte[] page) {
    Page.setPruneXid(page, 0);
    Page.setFlag(page, Page.PAGE_FULL | Page.HAS_FREE_LINES | Page.ALL_VISIBLE, false);
  }

  private static void maskUnusedSpace(byte[] page) throws StorageException.Corrupt {
    int lower = Page.lower(page);
    int upper = Page.upper(page);
    int special = Page.special(page);
    if (lower < Page.HEADER_BYTES
        || lower > upper
        || upper > special
        || special > Page.SIZE_BYTES) {
      throw new StorageException.Corrupt(
          "page header is damaged: lower %d, upper %d, special %d"
              .formatted(lower, upper, special));
    }
    Arrays.fill(page, lower, upper, (byte) 0);
  }

  private static void maskTuples(byte[] page, int block) throws StorageException.Corrupt {
    int count = Page.itemCount(page);
    for (int i = 1; i <= count; i++) {
      int linePointer = Page.linePointer(page, i);
      int tuple = Page.itemOffset(linePointer);
      int length = Page.itemLength(linePointer);
      if (length == 0) {
        continue;
      }
      if (tuple + Page.aligned(length) > Page.SIZE_BYTES) {
        throw new StorageException.Corrupt(
            "item %d of %d bytes at %d goes beyond the page".formatted(i, length, tuple));
      }
      if (Page.itemFlags(linePointer) == Page.LP_NORMAL) {
        PageItems.normal(page, i, HeapTuple.HEADER_BYTES);
        maskTuple(page, tuple, block, i);
      }
      Arrays.fill(page, tuple + length, tuple + Page.aligned(length), (byte) 0);
    }
  }

  private static void maskTuple(byte[] page, int tuple, int block, int offsetNumber) {
    int infomask = u16(page, tuple + HeapTuple.INFOMASK_AT);
    boolean isFrozen = (infomask & HeapTuple.XMIN_FROZEN) == HeapTuple.XMIN_FROZEN;
    int hints = isFrozen ? HeapTuple.XMAX_INVALID | HeapTuple.XMAX_COMMITTED : HeapTuple.XACT_MASK;
    putU16(page, tuple + HeapTuple.INFOMASK_AT, infomask & ~hints);
    putI32(page, tuple + HeapTuple.COMMAND_AT, 0);
    int successorOffset = u16(page, tuple + HeapTuple.SUCCESSOR_AT + 4);
    if (successorOffset == HeapTuple.SPECULATIVE_OFFSET) {
      HeapTuple.setSuccessor(page, tuple, block, offsetNumber);
    }
  }

  private static void maskBtree(byte[] page) throws StorageException.Corrupt {
    BtreePage.check(page);
    int flags = BtreePage.flags(page);
    if ((flags & BtreePage.LEAF) != 0) {
      maskLinePointerFlags(page);
    }
    BtreePage.setFlags(page, flags & ~(BtreePage.HAS_GARBAGE | BtreePage.SPLIT_END));
    BtreePage.setCycleId(page, 0);
  }

  private static void maskLinePointerFlags(byte[] page) {
    int count = Page.itemCount(page);
    for (int i = 1; i <= count; i++) {
      Page.setLinePointer(page, i, Page.linePointer(page, i) & LINE_POINTER_WITHOUT_FLAGS);
    }
  }

  /** Postgres masks all of a page that is not in use; but redo makes that one to the byte too. */
  private static void maskHash(byte[] page) throws StorageException.Corrupt {
    HashPage.check(page);
    int flags = HashPage.flags(page);
    if ((flags & (HashPage.BUCKET | HashPage.OVERFLOW)) != 0) {
      maskLinePointerFlags(page);
    }
    HashPage.setFlags(page, flags & ~HashPage.HAS_DEAD_TUPLES);
  }

  /**
   * A page that was on the pending list is made anew when that is replayed, but Postgres itself
   * lets it be, and so all of it is masked. Postgres masks other deleted pages and hints too, of
   * which there are none; where these would be is when a page was deleted. Before 9.4, pages of
   * posting trees did not say where their contents end.
   */
  private static void maskGin(byte[] page) throws StorageException.Corrupt {
    GinPage.check(page);
    if (GinPage.flags(page) == GinPage.DELETED) {
      Page.init(page, GinPage.SPECIAL_BYTES);
    } else if (Page.lower(page) > Page.HEADER_BYTES) {
      maskUnusedSpace(page);
    }
  }

  /** Postgres ends a split on the left page only after it has logged that, and the page with it. */
  private static void maskGist(byte[] page) throws StorageException.Corrupt {
    GistPage.check(page);
    if (GistPage.hasFlag(page, GistPage.LEAF)) {
      maskLinePointerFlags(page);
    }
    GistPage.setNsnValue(page, 0);
    GistPage.setFlag(page, GistPage.FOLLOW_RIGHT, true);
    GistPage.setFlag(page, GistPage.HAS_GARBAGE, false);
  }

  /** The range map lies where other pages have unused space. */
  private static void maskBrin(byte[] page) throws StorageException.Corrupt {
    int type = BrinPage.type(page);
    boolean isFilledMeta = type == BrinPage.META && Page.lower(page) > Page.HEADER_BYTES;
    if (type == BrinPage.REGULAR || isFilledMeta) {
      maskUnusedSpace(page);
    }
    BrinPage.clearEvacuate(page);
  }
}
