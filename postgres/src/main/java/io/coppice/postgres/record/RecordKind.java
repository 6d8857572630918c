package io.coppice.postgres.record;

/**
 * The kinds of records of each resource manager: the upper four bits of the info byte. Each name
 * begins with the resource manager's. Those of 15, unless another major is named.
 */
public final class RecordKind {

  public static final int XLOG_CHECKPOINT_SHUTDOWN = 0x00;
  public static final int XLOG_CHECKPOINT_ONLINE = 0x10;
  public static final int XLOG_NOOP = 0x20;
  public static final int XLOG_NEXTOID = 0x30;
  public static final int XLOG_SWITCH = 0x40;
  public static final int XLOG_BACKUP_END = 0x50;
  public static final int XLOG_PARAMETER_CHANGE = 0x60;
  public static final int XLOG_RESTORE_POINT = 0x70;
  public static final int XLOG_FPW_CHANGE = 0x80;
  public static final int XLOG_END_OF_RECOVERY = 0x90;
  public static final int XLOG_FPI_FOR_HINT = 0xA0;
  public static final int XLOG_FPI = 0xB0;
  public static final int XLOG_OVERWRITE_CONTRECORD = 0xD0;

  /** From 17 on. */
  public static final int XLOG_CHECKPOINT_REDO = 0xE0;

  public static final int XACT_COMMIT = 0x00;
  public static final int XACT_PREPARE = 0x10;
  public static final int XACT_ABORT = 0x20;
  public static final int XACT_COMMIT_PREPARED = 0x30;
  public static final int XACT_ABORT_PREPARED = 0x40;
  public static final int XACT_ASSIGNMENT = 0x50;
  public static final int XACT_INVALIDATIONS = 0x60;

  /** The kind of a transaction record has three bits ... */
  public static final int XACT_OPERATION_MASK = 0x70;

  /** ... because the fourth tells whether {@code xinfo} is there. */
  public static final int XACT_HAS_INFO = 0x80;

  public static final int SMGR_CREATE = 0x10;
  public static final int SMGR_TRUNCATE = 0x20;

  public static final int CLOG_ZEROPAGE = 0x00;
  public static final int CLOG_TRUNCATE = 0x10;

  /** These three are as of 15; 14 has {@code CREATE}, which is by copy, and 0x10 for DROP. */
  public static final int DBASE_CREATE_FILE_COPY = 0x00;

  public static final int DBASE_CREATE_WAL_LOG = 0x10;
  public static final int DBASE_DROP = 0x20;

  public static final int TBLSPC_CREATE = 0x00;
  public static final int TBLSPC_DROP = 0x10;

  public static final int MULTIXACT_ZERO_OFF_PAGE = 0x00;
  public static final int MULTIXACT_ZERO_MEM_PAGE = 0x10;
  public static final int MULTIXACT_CREATE_ID = 0x20;
  public static final int MULTIXACT_TRUNCATE_ID = 0x30;

  public static final int RELMAP_UPDATE = 0x00;

  public static final int STANDBY_LOCK = 0x00;
  public static final int STANDBY_RUNNING_XACTS = 0x10;
  public static final int STANDBY_INVALIDATIONS = 0x20;

  public static final int HEAP2_REWRITE = 0x00;
  public static final int HEAP2_PRUNE = 0x10;
  public static final int HEAP2_VACUUM = 0x20;
  public static final int HEAP2_FREEZE_PAGE = 0x30;

  /** Of 17 and later, like the next two: in place of PRUNE, VACUUM and FREEZE_PAGE. */
  public static final int HEAP2_PRUNE_ON_ACCESS = 0x10;

  public static final int HEAP2_PRUNE_VACUUM_SCAN = 0x20;
  public static final int HEAP2_PRUNE_VACUUM_CLEANUP = 0x30;
  public static final int HEAP2_VISIBLE = 0x40;
  public static final int HEAP2_MULTI_INSERT = 0x50;
  public static final int HEAP2_LOCK_UPDATED = 0x60;
  public static final int HEAP2_NEW_CID = 0x70;

  public static final int HEAP_INSERT = 0x00;
  public static final int HEAP_DELETE = 0x10;
  public static final int HEAP_UPDATE = 0x20;
  public static final int HEAP_TRUNCATE = 0x30;
  public static final int HEAP_HOT_UPDATE = 0x40;
  public static final int HEAP_CONFIRM = 0x50;
  public static final int HEAP_LOCK = 0x60;
  public static final int HEAP_INPLACE = 0x70;

  /** The kind has three bits ... */
  public static final int HEAP_OPERATION_MASK = 0x70;

  /** ... because the fourth tells that the page is begun anew. */
  public static final int HEAP_INIT_PAGE = 0x80;

  public static final int BTREE_INSERT_LEAF = 0x00;
  public static final int BTREE_INSERT_UPPER = 0x10;
  public static final int BTREE_INSERT_META = 0x20;
  public static final int BTREE_SPLIT_L = 0x30;
  public static final int BTREE_SPLIT_R = 0x40;
  public static final int BTREE_INSERT_POST = 0x50;
  public static final int BTREE_DEDUP = 0x60;
  public static final int BTREE_DELETE = 0x70;
  public static final int BTREE_UNLINK_PAGE = 0x80;
  public static final int BTREE_UNLINK_PAGE_META = 0x90;
  public static final int BTREE_NEWROOT = 0xA0;
  public static final int BTREE_MARK_PAGE_HALFDEAD = 0xB0;
  public static final int BTREE_VACUUM = 0xC0;
  public static final int BTREE_REUSE_PAGE = 0xD0;
  public static final int BTREE_META_CLEANUP = 0xE0;

  public static final int HASH_INIT_META_PAGE = 0x00;
  public static final int HASH_INIT_BITMAP_PAGE = 0x10;
  public static final int HASH_INSERT = 0x20;
  public static final int HASH_ADD_OVFL_PAGE = 0x30;
  public static final int HASH_SPLIT_ALLOCATE_PAGE = 0x40;
  public static final int HASH_SPLIT_PAGE = 0x50;
  public static final int HASH_SPLIT_COMPLETE = 0x60;
  public static final int HASH_MOVE_PAGE_CONTENTS = 0x70;
  public static final int HASH_SQUEEZE_PAGE = 0x80;
  public static final int HASH_DELETE = 0x90;
  public static final int HASH_SPLIT_CLEANUP = 0xA0;
  public static final int HASH_UPDATE_META_PAGE = 0xB0;
  public static final int HASH_VACUUM_ONE_PAGE = 0xC0;

  public static final int GIN_CREATE_PTREE = 0x10;
  public static final int GIN_INSERT = 0x20;
  public static final int GIN_SPLIT = 0x30;
  public static final int GIN_VACUUM_PAGE = 0x40;
  public static final int GIN_DELETE_PAGE = 0x50;
  public static final int GIN_UPDATE_META_PAGE = 0x60;
  public static final int GIN_INSERT_LISTPAGE = 0x70;
  public static final int GIN_DELETE_LISTPAGE = 0x80;
  public static final int GIN_VACUUM_DATA_LEAF_PAGE = 0x90;

  public static final int GIST_PAGE_UPDATE = 0x00;
  public static final int GIST_DELETE = 0x10;
  public static final int GIST_PAGE_REUSE = 0x20;
  public static final int GIST_PAGE_SPLIT = 0x30;
  public static final int GIST_PAGE_DELETE = 0x60;
  public static final int GIST_ASSIGN_LSN = 0x70;

  public static final int SEQ_LOG = 0x00;

  public static final int SPGIST_ADD_LEAF = 0x10;
  public static final int SPGIST_MOVE_LEAFS = 0x20;
  public static final int SPGIST_ADD_NODE = 0x30;
  public static final int SPGIST_SPLIT_TUPLE = 0x40;
  public static final int SPGIST_PICKSPLIT = 0x50;
  public static final int SPGIST_VACUUM_LEAF = 0x60;
  public static final int SPGIST_VACUUM_ROOT = 0x70;
  public static final int SPGIST_VACUUM_REDIRECT = 0x80;

  public static final int BRIN_CREATE_INDEX = 0x00;
  public static final int BRIN_INSERT = 0x10;
  public static final int BRIN_UPDATE = 0x20;
  public static final int BRIN_SAMEPAGE_UPDATE = 0x30;
  public static final int BRIN_REVMAP_EXTEND = 0x40;
  public static final int BRIN_DESUMMARIZE = 0x50;

  /** The kind has three bits ... */
  public static final int BRIN_OPERATION_MASK = 0x70;

  /** ... because the fourth tells that the page is begun anew. */
  public static final int BRIN_INIT_PAGE = 0x80;

  public static final int COMMIT_TS_ZEROPAGE = 0x00;
  public static final int COMMIT_TS_TRUNCATE = 0x10;

  public static final int REPLORIGIN_SET = 0x00;
  public static final int REPLORIGIN_DROP = 0x10;

  public static final int LOGICALMSG_MESSAGE = 0x00;

  private RecordKind() {}
}
