package io.coppice.pageserver.basebackup;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Fork;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.key.Key;
import io.coppice.pageserver.query.TimelineReader;
import io.coppice.pageserver.query.TimelineReader.DatabaseDirectory;
import io.coppice.pageserver.timeline.RecordPosition;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.pageserver.timeline.TimelineKeys;
import io.coppice.postgres.bytes.LittleEndian;
import io.coppice.postgres.control.CheckPoint;
import io.coppice.postgres.control.ClusterState;
import io.coppice.postgres.control.ControlFile;
import io.coppice.postgres.datadir.DataDirectoryLayout;
import io.coppice.postgres.datadir.SlruKind;
import io.coppice.postgres.datadir.TwoPhaseFile;
import io.coppice.postgres.record.TransactionIds;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.ShutdownCheckpoint;
import io.coppice.postgres.wal.WalSegmentName;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The data directory of a timeline at an LSN, as a tar. A stock server takes it for one that was
 * shut down cleanly: it ends with a checkpoint record that no server wrote, at that LSN.
 *
 * <p>Free-space maps are those of the pages in the backup: changes of them are not logged, so what
 * is stored of them is old. Tablespaces are real directories below {@code pg_tblspc}, where a
 * server usually has links: so no two servers share one.
 *
 * <p>{@code global/pg_control} comes last but for the log, so that a torn tar cannot be started.
 */
public final class BaseBackup {
  /** {@code REPLICATION_STATE_MAGIC}. */
  private static final int ORIGINS_MAGIC = 0x1257DADE;

  private static final int ORIGIN_BYTES = 16;

  /** Postgres's own number of the history that it writes. */
  private static final int TIMELINE_NUMBER = 1;

  /** No record is shorter. */
  private static final int RECORD_BYTES_MIN = 24;

  private static final String HOST_BASED_ACCESS =
      """
      # The endpoint decides who can connect: by default this machine only.
      local   all           all                 trust
      host    all           all  127.0.0.1/32   trust
      host    all           all  ::1/128        trust
      local   replication   all                 trust
      host    replication   all  127.0.0.1/32   trust
      host    replication   all  ::1/128        trust
      """;

  private final TimelineReader reader;
  private final Timeline timeline;
  private final Lsn lsn;
  private final boolean full;
  private final ControlFile control;
  private final DataDirectoryLayout layout;
  private final TarWriter tar;
  private final RelationWriter relations;

  private BaseBackup(TimelineReader reader, Lsn lsn, boolean full, TarWriter tar)
      throws StorageException {
    this.reader = reader;
    this.timeline = reader.timeline();
    this.lsn = lsn;
    this.full = full;
    this.tar = tar;
    this.control = ControlFile.read(require(TimelineKeys.CONTROL_FILE));
    this.layout = DataDirectoryLayout.of(control);
    this.relations = new RelationWriter(reader, lsn, layout, control.hasDataChecksums(), tar);
  }

  /**
   * Writes the tar. Blocks, also while the stream takes nothing.
   *
   * @param lsn readable now
   * @param full with the files of relations; else only what a server needs to ask for them
   * @param now what the files' times say
   */
  public static void write(
      TimelineReader reader, Lsn lsn, boolean full, Instant now, OutputStream out)
      throws StorageException, IOException {
    TarWriter tar = new TarWriter(out, now);
    new BaseBackup(reader, lsn, full, tar).write(now);
    tar.finish();
  }

  private void write(Instant now) throws StorageException, IOException {
    for (String directory : DataDirectoryLayout.directories(control.version())) {
      tar.directory(directory);
    }
    file(DataDirectoryLayout.VERSION_FILE, control.version().versionFileText() + "\n");
    file("pg_hba.conf", HOST_BASED_ACCESS);
    file("pg_ident.conf", "");
    file("postgresql.conf", "");
    file("postgresql.auto.conf", "");
    writeSlrus();
    for (int tablespace : reader.tablespaces(lsn)) {
      for (String directory : layout.tablespaceDirectories(tablespace)) {
        tar.directory(directory);
      }
    }
    for (DatabaseDirectory database : reader.databases(lsn)) {
      writeDatabase(database);
    }
    long nextFullXid = storedCheckPoint().nextFullXid();
    for (long xid : reader.preparedTransactions(lsn)) {
      tar.file(
          layout.twoPhasePath(TransactionIds.widen((int) xid, nextFullXid)),
          TwoPhaseFile.encode(require(TimelineKeys.twoPhaseFile(xid))));
    }
    writeReplicationOrigins();
    writeCheckpoint(now);
  }

  private void file(String path, String text) throws IOException {
    tar.file(path, text.getBytes(StandardCharsets.US_ASCII));
  }

  private byte[] require(Key key) throws StorageException {
    Optional<byte[]> value = timeline.get(key, lsn);
    if (value.isEmpty()) {
      throw new StorageException.Corrupt(
          "branch %s has nothing under key %s at %s".formatted(timeline.name(), key, lsn));
    }
    return value.get();
  }

  private void writeSlrus() throws StorageException, IOException {
    for (SlruKind kind : SlruKind.values()) {
      if (kind != SlruKind.COMMIT_TS) {
        for (int segment : reader.slruSegments(kind.number(), lsn)) {
          tar.file(kind.path(segment), reader.slruSegment(kind.number(), segment, lsn));
        }
      }
    }
  }

  private void writeDatabase(DatabaseDirectory database) throws StorageException, IOException {
    int spc = database.spcOid();
    int db = database.dbOid();
    boolean shared = spc == RelationTag.GLOBAL_TABLESPACE_OID;
    if (!shared) {
      tar.directory(layout.databaseDirectory(spc, db));
    }
    Optional<byte[]> map = timeline.get(TimelineKeys.relationMap(spc, db), lsn);
    if (map.isPresent()) {
      if (!shared) {
        file(
            layout.databaseDirectory(spc, db) + "/" + DataDirectoryLayout.VERSION_FILE,
            control.version().versionFileText() + "\n");
      }
      tar.file(layout.relationMapPath(spc, db), map.get());
    }
    for (RelationTag tag : reader.relations(database, lsn)) {
      if (tag.fork() == Fork.INIT.number()) {
        // An unlogged relation starts as a copy of its init fork.
        relations.write(tag);
        relations.writeAs(tag, tag.withFork(Fork.MAIN));
      } else if (full && tag.fork() == Fork.MAIN.number()) {
        relations.writeWithFreeSpaceMap(tag);
      } else if (full && tag.fork() != Fork.FSM.number()) {
        relations.write(tag);
      }
    }
  }

  private void writeReplicationOrigins() throws StorageException, IOException {
    TimelineKeys.Range range = TimelineKeys.replicationOrigins();
    List<byte[]> entries = new ArrayList<>();
    timeline.scan(
        range.from(),
        range.toExclusive(),
        lsn,
        (key, value) -> {
          byte[] entry = new byte[ORIGIN_BYTES];
          LittleEndian.putU16(entry, 0, key.field6());
          System.arraycopy(value, 0, entry, Long.BYTES, Long.BYTES);
          return entries.add(entry);
        });
    if (entries.isEmpty()) {
      return;
    }
    byte[] bytes = new byte[Integer.BYTES + entries.size() * ORIGIN_BYTES];
    LittleEndian.putI32(bytes, 0, ORIGINS_MAGIC);
    for (int i = 0; i < entries.size(); i++) {
      System.arraycopy(entries.get(i), 0, bytes, Integer.BYTES + i * ORIGIN_BYTES, ORIGIN_BYTES);
    }
    // The file ends in a CRC, just as those of prepared transactions do.
    tar.file("pg_logical/replorigin_checkpoint", TwoPhaseFile.encode(bytes));
  }

  private CheckPoint storedCheckPoint() throws StorageException {
    byte[] stored = require(TimelineKeys.CHECKPOINT);
    return CheckPoint.read(control.version(), stored, 0, stored.length);
  }

  private void writeCheckpoint(Instant now) throws StorageException, IOException {
    PostgresVersion version = control.version();
    CheckPoint template =
        storedCheckPoint()
            .setTimeline(TIMELINE_NUMBER)
            .setPreviousTimeline(TIMELINE_NUMBER)
            .setOldestActiveXid(0)
            .setTimeSeconds(now.getEpochSecond());
    ShutdownCheckpoint checkpoint =
        ShutdownCheckpoint.at(
            version,
            control.walSegmentSizeBytes(),
            control.systemId(),
            lsn,
            previousRecord(),
            template);
    control
        .setState(ClusterState.SHUT_DOWN)
        .setTimeSeconds(now.getEpochSecond())
        .setCheckPoint(checkpoint.start(), checkpoint.checkPoint())
        .clearRecovery();
    tar.file(ControlFile.PATH, control.toBytes());
    for (ShutdownCheckpoint.WalFile file : checkpoint.files()) {
      tar.file(WalSegmentName.DIRECTORY + "/" + file.fileName(), file.bytes());
    }
  }

  /**
   * Where the record before the checkpoint begins. It is known only of the newest record; a server
   * asks no more of it than that it is before the checkpoint.
   */
  private Lsn previousRecord() {
    RecordPosition position = timeline.recordPosition();
    return position.last().equals(lsn) && position.previous().isValid()
        ? position.previous()
        : lsn.plus(-RECORD_BYTES_MIN);
  }
}
