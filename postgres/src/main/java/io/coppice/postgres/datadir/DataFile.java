package io.coppice.postgres.datadir;

import io.coppice.common.id.RelationTag;
import io.coppice.postgres.wal.WalSegmentName;

/** What a file of a data directory is, as told by its path alone. */
public sealed interface DataFile {

  /**
   * Up to 1 GiB of one fork of a relation.
   *
   * @param segment 0 for the file without a number
   */
  record RelationSegment(RelationTag relation, int segment) implements DataFile {}

  /** A segment of transaction state. */
  record SlruSegment(SlruKind kind, int segment) implements DataFile {}

  /**
   * The map from system catalogs to their files.
   *
   * @param databaseOid zero for the shared catalogs
   */
  record RelationMapFile(int tablespaceOid, int databaseOid) implements DataFile {}

  /** {@code global/pg_control}. */
  record Control() implements DataFile {}

  /**
   * State of a prepared transaction.
   *
   * @param xid from 17 on with its epoch; before, and in a record, only its lower 32 bits
   */
  record TwoPhaseState(long xid) implements DataFile {}

  /**
   * {@code PG_VERSION}.
   *
   * @param databaseOid zero for the whole cluster's
   */
  record VersionFile(int tablespaceOid, int databaseOid) implements DataFile {}

  /** A segment of the log. */
  record Wal(WalSegmentName segment) implements DataFile {}

  /** {@code postgresql.conf} and the like, at the top. */
  record Configuration(String name) implements DataFile {}

  /** State of logical decoding, replication slots and origins: of this server, not of the data. */
  record ReplicationState(String path) implements DataFile {}

  /** Statistics kept over a clean shutdown ({@code pg_stat/}). */
  record Statistics(String path) implements DataFile {}

  /** What a start or a restart throws away or makes anew, and files of temporary relations. */
  record Disposable(String path) implements DataFile {}

  /** A file that no Postgres of this version makes: an importer must not pass it over silently. */
  record Unknown(String path) implements DataFile {}
}
