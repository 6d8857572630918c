package io.coppice.postgres.verify;

import static io.coppice.postgres.bytes.LittleEndian.i32;
import static io.coppice.postgres.bytes.LittleEndian.u16;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Fork;
import io.coppice.common.id.RelationTag;
import io.coppice.postgres.page.BrinPage;
import io.coppice.postgres.page.BtreePage;
import io.coppice.postgres.page.GistPage;
import io.coppice.postgres.page.HashPage;
import io.coppice.postgres.page.Page;
import io.coppice.postgres.page.PageChecksum;
import io.coppice.postgres.page.PageKind;
import io.coppice.postgres.page.PageMasks;
import io.coppice.postgres.page.SpgistPage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/** The files that a server left, against the pages that redo made. */
final class FinalState {
  private static final int SEQUENCE_SPECIAL_BYTES = 8;
  private static final int SEQUENCE_MAGIC = 0x1717;

  private final DirectoryPages files;
  private final boolean hasChecksums;
  private final Set<Integer> databasesMadeByLog;
  private final byte[] onDisk = new byte[Page.SIZE_BYTES];
  private final List<String> different = new ArrayList<>();
  private int compared;

  /**
   * @param hasChecksums whether pages carry checksums, which are checked too
   * @param databasesMadeByLog Postgres does not log the bits of their visibility maps
   */
  FinalState(Path data, boolean hasChecksums, Set<Integer> databasesMadeByLog) {
    this.files = new DirectoryPages(data);
    this.hasChecksums = hasChecksums;
    this.databasesMadeByLog = databasesMadeByLog;
  }

  int compared() {
    return compared;
  }

  List<String> different() {
    return different;
  }

  void compare(RelationTag fork, int block, byte[] replayed) {
    try {
      // Dropped relations have no file any more. The free-space map is not logged.
      if (fork.fork() != Fork.FSM.number() && files.read(fork, block, onDisk)) {
        checkChecksum(fork, block);
        compareWithFile(fork, block, replayed.clone());
      }
    } catch (StorageException e) {
      different.add("%s block %d: %s".formatted(fork, block, e.getMessage()));
    }
  }

  private void checkChecksum(RelationTag fork, int block) {
    if (hasChecksums && !Page.isNew(onDisk)) {
      int checksum = PageChecksum.checksum(onDisk, block);
      if (checksum != Page.checksum(onDisk)) {
        different.add("%s block %d: checksum %04x".formatted(fork, block, checksum));
      }
    }
  }

  private void compareWithFile(RelationTag fork, int block, byte[] page) throws StorageException {
    PageKind kind = kind(fork, page);
    if (kind == PageKind.GIST) {
      compareSplits(fork, block, page);
    }
    PageMasks.mask(page, kind, block);
    PageMasks.mask(onDisk, kind, block);
    if (kind == PageKind.SPGIST) {
      PageMasks.maskSpgistLastUsedPages(page);
      PageMasks.maskSpgistLastUsedPages(onDisk);
    }
    if (kind == PageKind.SEQUENCE) {
      PageMasks.maskSequenceCounters(page);
      PageMasks.maskSequenceCounters(onDisk);
    }
    if (kind == PageKind.VISIBILITY_MAP && databasesMadeByLog.contains(fork.dbOid())) {
      for (int i = Page.HEADER_BYTES; i < Page.SIZE_BYTES; i++) {
        onDisk[i] &= page[i];
      }
    }
    compared++;
    int offset = Arrays.mismatch(page, onDisk);
    if (offset >= 0) {
      different.add("%s block %d: byte %d".formatted(fork, block, offset));
    }
  }

  /** What {@link PageMasks} hides, as images in WAL differ in it; files do not. */
  private void compareSplits(RelationTag fork, int block, byte[] page) {
    boolean isSame =
        GistPage.nsnValue(page) == GistPage.nsnValue(onDisk)
            && GistPage.hasFlag(page, GistPage.FOLLOW_RIGHT)
                == GistPage.hasFlag(onDisk, GistPage.FOLLOW_RIGHT);
    if (!isSame) {
      different.add("%s block %d: NSN or mark of an unfinished split".formatted(fork, block));
    }
  }

  private static PageKind kind(RelationTag fork, byte[] page) {
    if (fork.fork() == Fork.VM.number()) {
      return PageKind.VISIBILITY_MAP;
    }
    if (GistPage.is(page)) {
      return PageKind.GIST;
    }
    if (SpgistPage.is(page)) {
      return PageKind.SPGIST;
    }
    if (BrinPage.is(page)) {
      return PageKind.BRIN;
    }
    int special = Page.special(page);
    return switch (Page.SIZE_BYTES - special) {
      case 0 -> PageKind.HEAP;
      case BtreePage.SPECIAL_BYTES ->
          u16(page, HashPage.PAGE_ID_AT) == HashPage.PAGE_ID ? PageKind.HASH : PageKind.BTREE;
      case SEQUENCE_SPECIAL_BYTES ->
          i32(page, special) == SEQUENCE_MAGIC ? PageKind.SEQUENCE : PageKind.GIN;
      default -> PageKind.OTHER_INDEX;
    };
  }
}
