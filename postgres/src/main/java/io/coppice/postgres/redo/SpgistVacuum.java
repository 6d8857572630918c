package io.coppice.postgres.redo;

import static io.coppice.postgres.bytes.LittleEndian.u16;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.page.PageItems;
import io.coppice.postgres.page.SpgistPage;
import io.coppice.postgres.page.SpgistTuple;
import io.coppice.postgres.record.RecordKind;

/** Redo of those SP-GiST records by which tuples are removed ({@code spgxlog.c}). */
final class SpgistVacuum {
  private static final int NO_OFFSET_NUMBER = 0;
  private static final int LEAF_BYTES = 16;
  private static final int ROOT_BYTES = 12;

  private final PageItems items;
  private final SpgistTuples tuples;

  /** Where in the main data of {@code spgxlogVacuumRedirect} the offset numbers begin. */
  private final int redirectsAt;

  SpgistVacuum(PageItems items, SpgistTuples tuples, CatalogMark mark) {
    this.items = items;
    this.tuples = tuples;
    this.redirectsAt = mark == CatalogMark.PRESENT ? 10 : 8;
  }

  /** Block 0 is the page, and the only block. False if the record is none of these. */
  boolean redo(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    if (record.blockId() != 0) {
      return false;
    }
    switch (record.info()) {
      case RecordKind.SPGIST_VACUUM_LEAF -> leaf(page, record);
      case RecordKind.SPGIST_VACUUM_ROOT -> root(page, record);
      case RecordKind.SPGIST_VACUUM_REDIRECT -> redirects(page, record);
      default -> {
        return false;
      }
    }
    return true;
  }

  /**
   * Main data: how many become dead, become placeholders, move, are chained anew, u16 each, state;
   * then offset numbers u16 each: of the dead, of the placeholders, where those that move are and
   * where they go, which tuples are chained and to which.
   */
  private void leaf(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    SpgistPage.check(page);
    byte[] bytes = record.bytes();
    int main = record.main(LEAF_BYTES);
    int deads = u16(bytes, main);
    int placeholders = u16(bytes, main + 2);
    int moves = u16(bytes, main + 4);
    int chains = u16(bytes, main + 6);
    record.main(LEAF_BYTES + (deads + placeholders + (moves + chains) * 2) * 2);
    int at = main + LEAF_BYTES;
    replaceByDead(page, bytes, at, deads, SpgistTuple.DEAD);
    at += deads * 2;
    replaceByDead(page, bytes, at, placeholders, SpgistTuple.PLACEHOLDER);
    at += placeholders * 2;
    for (int i = 0; i < moves; i++) {
      PageItems.swap(page, u16(bytes, at + i * 2), u16(bytes, at + (moves + i) * 2));
    }
    replaceByDead(page, bytes, at, moves, SpgistTuple.PLACEHOLDER);
    at += moves * 4;
    for (int i = 0; i < chains; i++) {
      int tuple = SpgistTuples.find(page, u16(bytes, at + i * 2), SpgistTuple.DEAD_BYTES);
      SpgistTuple.setNext(page, tuple, u16(bytes, at + (chains + i) * 2));
    }
  }

  private void replaceByDead(byte[] page, byte[] bytes, int at, int count, int state)
      throws StorageException.Corrupt {
    tuples.replaceManyByDead(page, bytes, at, count, state, state, 0, 0, 0);
  }

  /** Main data: number of tuples u16, padding, state, offset numbers u16 each, ascending. */
  private void root(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    SpgistPage.check(page);
    int main = record.main(ROOT_BYTES);
    int deletes = u16(record.bytes(), main);
    record.main(ROOT_BYTES + deletes * 2);
    items.deleteManyFromIndex(page, record.bytes(), main + ROOT_BYTES, deletes);
  }

  /**
   * Main data: number of redirections that become placeholders u16, first of the placeholders at
   * the end of the page that go u16, xid u32, maybe a mark and padding, the offset numbers of the
   * redirections u16 each.
   */
  private void redirects(byte[] page, StoredRecord record) throws StorageException.Corrupt {
    SpgistPage.check(page);
    byte[] bytes = record.bytes();
    int main = record.main(redirectsAt);
    int redirects = u16(bytes, main);
    int firstToRemove = u16(bytes, main + 2);
    record.main(redirectsAt + redirects * 2);
    for (int i = 0; i < redirects; i++) {
      int offsetNumber = u16(bytes, main + redirectsAt + i * 2);
      int tuple = SpgistTuples.find(page, offsetNumber, SpgistTuple.DEAD_BYTES);
      SpgistTuple.makePlaceholder(page, tuple);
    }
    SpgistPage.addRedirections(page, -redirects);
    SpgistPage.addPlaceholders(page, redirects);
    if (firstToRemove != NO_OFFSET_NUMBER) {
      tuples.removePlaceholdersFrom(page, firstToRemove);
    }
  }
}
