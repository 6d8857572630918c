package io.coppice.cli.wal;

import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.postgres.wal.WalRecord;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Which records are wanted.
 *
 * @param from those that begin at or after it
 * @param to those that begin before it
 * @param relation those with a block of it, whichever fork
 */
public record RecordFilter(
    Lsn from, Lsn to, OptionalInt resourceManager, Optional<RelationTag> relation) {

  /** Whether that record is. */
  public boolean accepts(WalRecord record) {
    if (record.start().isBefore(from) || record.start().isAtOrAfter(to)) {
      return false;
    }
    if (resourceManager.isPresent() && record.resourceManager() != resourceManager.getAsInt()) {
      return false;
    }
    return relation.isEmpty() || touches(record, relation.get());
  }

  private static boolean touches(WalRecord record, RelationTag relation) {
    for (int id = 0; id < record.blockCount(); id++) {
      if (record.hasBlock(id)
          && record.blockSpc(id) == relation.spcOid()
          && record.blockDb(id) == relation.dbOid()
          && record.blockRel(id) == relation.relNumber()) {
        return true;
      }
    }
    return false;
  }
}
