package io.coppice.postgres.control;

import io.coppice.postgres.version.PostgresVersion;

/**
 * Where the fields of {@code ControlFileData} are that we read or change; the first 40 bytes are
 * the same in every major.
 *
 * <pre>
 *  0           8         12        16      20   24     32           40
 *  | system id | version | catalog | state | -  | time | checkpoint | checkpoint copy ...
 * </pre>
 */
record ControlFileLayout(
    int minRecoveryPoint,
    int minRecoveryPointTimeline,
    int backupStartPoint,
    int backupEndPoint,
    int backupEndRequired,
    int walLevel,
    int walLogHints,
    int maxConnections,
    int maxWorkerProcesses,
    int maxWalSenders,
    int maxPreparedTransactions,
    int maxLocksPerTransaction,
    int trackCommitTimestamp,
    int maxAlign,
    int pageSize,
    int relationSegmentPages,
    int walPageSize,
    int walSegmentSize,
    int dataChecksumVersion,
    int crc) {
  static final int SYSTEM_ID = 0;
  static final int CONTROL_VERSION = 8;
  static final int CATALOG_VERSION = 12;
  static final int STATE = 16;
  static final int TIME = 24;
  static final int CHECKPOINT = 32;
  static final int CHECKPOINT_COPY = 40;

  private static final ControlFileLayout V14_TO_17 =
      new ControlFileLayout(
          136, 144, 152, 160, 168, 172, 176, 180, 184, 188, 192, 196, 200, 204, 216, 220, 224, 228,
          252, 288);

  /** Behind the checksums' version it has the signedness of char, and all that follows moves. */
  private static final ControlFileLayout V18 =
      new ControlFileLayout(
          136, 144, 152, 160, 168, 172, 176, 180, 184, 188, 192, 196, 200, 204, 216, 220, 224, 228,
          252, 292);

  static ControlFileLayout of(PostgresVersion version) {
    return switch (version) {
      case V14, V15, V16, V17 -> V14_TO_17;
      case V18 -> V18;
    };
  }
}
