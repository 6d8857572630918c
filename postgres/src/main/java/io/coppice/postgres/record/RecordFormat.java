package io.coppice.postgres.record;

import io.coppice.common.error.StorageException;
import io.coppice.postgres.version.PostgresVersion;
import java.util.List;

/**
 * What differs between majors in the records that change more than pages. Where a major has a
 * layout of its own for pages, the classes of redo have it.
 *
 * @param databaseKinds of the resource manager Database: for each upper four bits of the info byte,
 *     the kind as {@link RecordKind} has it
 * @param slruPageBytes of the number of a page of transaction state ({@code pageno} of {@code
 *     clog.h}, {@code commit_ts.h}, {@code multixact.c})
 * @param droppedStatisticsBytes of an item of dropped statistics ({@code xl_xact_stats_item})
 * @param preparedStatistics whether a prepared transaction counts dropped statistics ({@code
 *     xl_xact_prepare})
 */
record RecordFormat(
    List<Integer> databaseKinds,
    int slruPageBytes,
    int droppedStatisticsBytes,
    boolean preparedStatistics) {
  private static final List<Integer> COPY_AND_DROP =
      List.of(RecordKind.DBASE_CREATE_FILE_COPY, RecordKind.DBASE_DROP);
  private static final List<Integer> COPY_LOG_AND_DROP =
      List.of(
          RecordKind.DBASE_CREATE_FILE_COPY,
          RecordKind.DBASE_CREATE_WAL_LOG,
          RecordKind.DBASE_DROP);

  private static final RecordFormat V14 = new RecordFormat(COPY_AND_DROP, Integer.BYTES, 12, false);
  private static final RecordFormat V15_TO_16 =
      new RecordFormat(COPY_LOG_AND_DROP, Integer.BYTES, 12, true);
  private static final RecordFormat V17 = new RecordFormat(COPY_LOG_AND_DROP, Long.BYTES, 12, true);
  private static final RecordFormat V18 = new RecordFormat(COPY_LOG_AND_DROP, Long.BYTES, 16, true);

  static RecordFormat of(PostgresVersion version) {
    return switch (version) {
      case V14 -> V14;
      case V15, V16 -> V15_TO_16;
      case V17 -> V17;
      case V18 -> V18;
    };
  }

  /** The kind as {@link RecordKind} has it, or -1 for one that does not exist. */
  int databaseKind(int kind) {
    return kind >> 4 < databaseKinds.size() ? databaseKinds.get(kind >> 4) : -1;
  }

  /** Reads the number of a page of transaction state, which never needs more than 32 bits. */
  int slruPage(MainData data) throws StorageException.Corrupt {
    long page = slruPageBytes == Long.BYTES ? data.i64() : data.i32();
    if (page < 0 || page > Integer.MAX_VALUE) {
      throw data.corrupt("a page from 0 to " + Integer.MAX_VALUE, Long.toString(page));
    }
    return (int) page;
  }
}
