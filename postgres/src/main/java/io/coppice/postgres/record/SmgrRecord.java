package io.coppice.postgres.record;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Fork;
import io.coppice.common.id.RelationTag;
import io.coppice.postgres.wal.WalRecord;

/** Records of the storage manager: files of relations made and cut ({@code storage_xlog.h}). */
public sealed interface SmgrRecord {

  /** A fork comes to be, empty. */
  record Create(RelationTag relation) implements SmgrRecord {}

  /**
   * A relation is cut.
   *
   * @param relation its main fork
   * @param blockCount blocks of the main fork that stay; unsigned. The other forks keep what
   *     belongs to those
   */
  record Truncate(
      RelationTag relation,
      int blockCount,
      boolean mainFork,
      boolean visibilityMap,
      boolean freeSpaceMap)
      implements SmgrRecord {}

  int TRUNCATE_MAIN_FORK = 1;
  int TRUNCATE_VISIBILITY_MAP = 2;
  int TRUNCATE_FREE_SPACE_MAP = 4;

  static SmgrRecord parse(WalRecord record)
      throws StorageException.Corrupt, StorageException.Unsupported {
    MainData data = new MainData(record);
    return switch (record.kind()) {
      case RecordKind.SMGR_CREATE -> {
        RelationTag relation = data.relation();
        int fork = data.i32();
        if (fork < 0 || fork > Fork.INIT.number()) {
          throw data.corrupt("a fork from 0 to 3", Integer.toString(fork));
        }
        yield new Create(relation.withFork(Fork.of(fork)));
      }
      case RecordKind.SMGR_TRUNCATE -> {
        int blockCount = data.i32();
        RelationTag relation = data.relation();
        int flags = data.i32();
        yield new Truncate(
            relation,
            blockCount,
            (flags & TRUNCATE_MAIN_FORK) != 0,
            (flags & TRUNCATE_VISIBILITY_MAP) != 0,
            (flags & TRUNCATE_FREE_SPACE_MAP) != 0);
      }
      default -> throw MainData.unknownKind(record);
    };
  }
}
