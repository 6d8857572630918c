package io.coppice.postgres.verify;

import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;

/**
 * A page that redo made other than Postgres did.
 *
 * @param lsn start of the record
 * @param offset of the first byte that differs after masking; -1 if redo failed with {@code reason}
 * @param expected that byte as Postgres had it
 * @param actual that byte as redo made it
 * @param expectedPage as Postgres had it, masked; empty if redo failed
 * @param actualPage as redo made it, masked; as it was before if redo failed
 */
@SuppressWarnings("ArrayRecordComponent")
public record Mismatch(
    RecordType type,
    Lsn lsn,
    RelationTag fork,
    int block,
    int offset,
    int expected,
    int actual,
    byte[] expectedPage,
    byte[] actualPage,
    String reason) {

  @Override
  public String toString() {
    String where =
        "%s at %s, relation %s block %s: "
            .formatted(type, lsn, fork, Integer.toUnsignedString(block));
    return offset < 0
        ? where + reason
        : where + "byte %d is 0x%02X, not 0x%02X".formatted(offset, actual, expected);
  }
}
