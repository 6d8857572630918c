package io.coppice.postgres.record;

import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.WalRecord;

/** Names of the kinds of records, as pg_waldump prints them; for messages only. */
public final class RecordNames {
  /** By resource manager; then by the upper four bits of the info byte, apart by spaces. */
  private static final String[] KINDS_V15 = {
    // XLOG
    "CHECKPOINT_SHUTDOWN CHECKPOINT_ONLINE NOOP NEXTOID SWITCH BACKUP_END "
        + "PARAMETER_CHANGE RESTORE_POINT FPW_CHANGE END_OF_RECOVERY FPI_FOR_HINT FPI - "
        + "OVERWRITE_CONTRECORD",
    // XACT
    "COMMIT PREPARE ABORT COMMIT_PREPARED ABORT_PREPARED ASSIGNMENT INVALIDATION",
    // SMGR
    "- CREATE TRUNCATE",
    // CLOG
    "ZEROPAGE TRUNCATE",
    // DBASE
    "CREATE_FILE_COPY CREATE_WAL_LOG DROP",
    // TBLSPC
    "CREATE DROP",
    // MULTIXACT
    "ZERO_OFF_PAGE ZERO_MEM_PAGE CREATE_ID TRUNCATE_ID",
    // RELMAP
    "UPDATE",
    // STANDBY
    "LOCK RUNNING_XACTS INVALIDATIONS",
    // HEAP2
    "REWRITE PRUNE VACUUM FREEZE_PAGE VISIBLE MULTI_INSERT LOCK_UPDATED NEW_CID - - - "
        + "- - MULTI_INSERT+INIT",
    // HEAP
    "INSERT DELETE UPDATE TRUNCATE HOT_UPDATE HEAP_CONFIRM LOCK INPLACE INSERT+INIT - "
        + "UPDATE+INIT - HOT_UPDATE+INIT",
    // BTREE
    "INSERT_LEAF INSERT_UPPER INSERT_META SPLIT_L SPLIT_R INSERT_POST DEDUP DELETE "
        + "UNLINK_PAGE UNLINK_PAGE_META NEWROOT MARK_PAGE_HALFDEAD VACUUM REUSE_PAGE "
        + "META_CLEANUP",
    // HASH
    "INIT_META_PAGE INIT_BITMAP_PAGE INSERT ADD_OVFL_PAGE SPLIT_ALLOCATE_PAGE "
        + "SPLIT_PAGE SPLIT_COMPLETE MOVE_PAGE_CONTENTS SQUEEZE_PAGE DELETE SPLIT_CLEANUP "
        + "UPDATE_META_PAGE VACUUM_ONE_PAGE",
    // GIN
    "- CREATE_PTREE INSERT SPLIT VACUUM_PAGE DELETE_PAGE UPDATE_META_PAGE "
        + "INSERT_LISTPAGE DELETE_LISTPAGE VACUUM_DATA_LEAF_PAGE",
    // GIST
    "PAGE_UPDATE DELETE PAGE_REUSE PAGE_SPLIT - - PAGE_DELETE ASSIGN_LSN",
    // SEQ
    "LOG",
    // SPGIST
    "- ADD_LEAF MOVE_LEAFS ADD_NODE SPLIT_TUPLE PICKSPLIT VACUUM_LEAF VACUUM_ROOT "
        + "VACUUM_REDIRECT",
    // BRIN
    "CREATE_INDEX INSERT UPDATE SAMEPAGE_UPDATE REVMAP_EXTEND DESUMMARIZE - - - "
        + "INSERT+INIT UPDATE+INIT",
    // COMMIT_TS
    "ZEROPAGE TRUNCATE",
    // REPLORIGIN
    "SET DROP",
    // GENERIC
    "Generic",
    // LOGICALMSG
    "MESSAGE"
  };

  private static final String[][] NAMES_V14 =
      with(names(KINDS_V15), ResourceManager.DBASE, "CREATE DROP");

  private static final String[][] NAMES_V15_TO_16 = names(KINDS_V15);

  private static final String[][] NAMES_V17_TO_18 =
      with(
          with(
              names(KINDS_V15),
              ResourceManager.XLOG,
              KINDS_V15[ResourceManager.XLOG] + " CHECKPOINT_REDO"),
          ResourceManager.HEAP2,
          "REWRITE PRUNE_ON_ACCESS PRUNE_VACUUM_SCAN PRUNE_VACUUM_CLEANUP VISIBLE MULTI_INSERT "
              + "LOCK_UPDATED NEW_CID - - - - - MULTI_INSERT+INIT");

  private RecordNames() {}

  private static String[][] names(String[] kinds) {
    String[][] names = new String[kinds.length][];
    for (int i = 0; i < kinds.length; i++) {
      names[i] = kinds[i].split(" ", -1);
    }
    return names;
  }

  private static String[][] with(String[][] names, int resourceManager, String kinds) {
    names[resourceManager] = kinds.split(" ", -1);
    return names;
  }

  private static String[][] names(PostgresVersion version) {
    return switch (version) {
      case V14 -> NAMES_V14;
      case V15, V16 -> NAMES_V15_TO_16;
      case V17, V18 -> NAMES_V17_TO_18;
    };
  }

  /** Such as {@code Heap/INSERT+INIT}, or {@code Heap/0xF0} for a kind that does not exist. */
  public static String of(PostgresVersion version, int resourceManager, int info) {
    String name = ResourceManager.name(resourceManager);
    int kind = info & 0xF0;
    if (resourceManager == ResourceManager.XACT) {
      kind &= RecordKind.XACT_OPERATION_MASK;
    }
    String[][] names = names(version);
    if (resourceManager >= 0 && resourceManager < names.length) {
      String[] kinds = names[resourceManager];
      if (kind >> 4 < kinds.length && !kinds[kind >> 4].equals("-")) {
        return name + "/" + kinds[kind >> 4];
      }
    }
    return "%s/0x%02X".formatted(name, kind);
  }

  /** The name of the record's kind. */
  public static String of(WalRecord record) {
    return of(record.version(), record.resourceManager(), record.info());
  }
}
