package io.coppice.postgres.verify;

import io.coppice.postgres.record.RecordNames;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.WalRecord;

/**
 * Resource manager and kind of a record.
 *
 * @param kind the upper half of the info byte
 */
public record RecordType(PostgresVersion version, int resourceManager, int kind)
    implements Comparable<RecordType> {

  public static RecordType of(WalRecord record) {
    return new RecordType(record.version(), record.resourceManager(), record.kind());
  }

  /** As pg_waldump names it: {@code Heap/HOT_UPDATE}; the number if it has no name. */
  @Override
  public String toString() {
    return RecordNames.of(version, resourceManager, kind);
  }

  @Override
  public int compareTo(RecordType other) {
    int order = Integer.compare(resourceManager, other.resourceManager);
    return order != 0 ? order : Integer.compare(kind, other.kind);
  }
}
