package io.coppice.postgres.control;

import static io.coppice.postgres.bytes.LittleEndian.i32;
import static io.coppice.postgres.bytes.LittleEndian.i64;
import static io.coppice.postgres.bytes.LittleEndian.putI32;
import static io.coppice.postgres.bytes.LittleEndian.putI64;
import static io.coppice.postgres.bytes.LittleEndian.putU8;
import static io.coppice.postgres.bytes.LittleEndian.u8;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.postgres.version.PostgresVersion;
import java.util.zip.CRC32C;

/**
 * {@code global/pg_control}. What is not known here by name is kept byte for byte, so a file that
 * is read and written is the same file. Mutable; not thread safe.
 */
public final class ControlFile {
  /** Length of the file, of which only the front is used ({@code PG_CONTROL_FILE_SIZE}). */
  public static final int FILE_SIZE_BYTES = 8192;

  /** Where it is in a data directory. */
  public static final String PATH = "global/pg_control";

  private final PostgresVersion version;
  private final ControlFileLayout layout;
  private final byte[] bytes;

  private ControlFile(PostgresVersion version, byte[] bytes) {
    this.version = version;
    this.layout = ControlFileLayout.of(version);
    this.bytes = bytes;
  }

  /**
   * Reads a file's bytes.
   *
   * @throws StorageException.Unsupported if another major wrote it
   * @throws StorageException.Corrupt if it is too short, its CRC is wrong or a field impossible
   */
  public static ControlFile read(byte[] file)
      throws StorageException.Corrupt, StorageException.Unsupported {
    if (file.length != FILE_SIZE_BYTES) {
      throw corrupt("length", Integer.toString(FILE_SIZE_BYTES), file.length);
    }
    PostgresVersion version =
        PostgresVersion.ofControlFile(
            i32(file, ControlFileLayout.CONTROL_VERSION),
            i32(file, ControlFileLayout.CATALOG_VERSION));
    ControlFile control = new ControlFile(version, file.clone());
    int stored = i32(file, control.layout.crc());
    int computed = control.computeCrc();
    if (stored != computed) {
      throw corrupt("CRC", "%08x".formatted(computed), "%08x".formatted(stored));
    }
    control.checkFields();
    return control;
  }

  private void checkFields() throws StorageException.Corrupt {
    int state = i32(bytes, ControlFileLayout.STATE);
    if (!ClusterState.exists(state)) {
      throw corrupt("state", "0 to " + ClusterState.IN_PRODUCTION.number(), state);
    }
    check("page size", PostgresVersion.PAGE_SIZE_BYTES, layout.pageSize());
    check("WAL page size", PostgresVersion.WAL_PAGE_SIZE_BYTES, layout.walPageSize());
    check(
        "pages in a relation's segment",
        PostgresVersion.PAGES_PER_RELATION_SEGMENT,
        layout.relationSegmentPages());
    check("alignment", Lsn.ALIGNMENT_BYTES, layout.maxAlign());
    int segmentSize = walSegmentSizeBytes();
    if (Integer.bitCount(segmentSize) != 1 || segmentSize < 1 << 20 || segmentSize > 1 << 30) {
      throw corrupt("WAL segment size", "a power of two from 1 MiB to 1 GiB", segmentSize);
    }
  }

  private void check(String what, int expected, int offset) throws StorageException.Corrupt {
    int actual = i32(bytes, offset);
    if (actual != expected) {
      throw corrupt(what, Integer.toString(expected), actual);
    }
  }

  private static StorageException.Corrupt corrupt(String what, String expected, Object actual) {
    return new StorageException.Corrupt(
        "pg_control: %s: expected %s, got %s".formatted(what, expected, actual));
  }

  private int computeCrc() {
    CRC32C crc = new CRC32C();
    crc.update(bytes, 0, layout.crc());
    return (int) crc.getValue();
  }

  /** The whole file, its CRC made anew. */
  public byte[] toBytes() {
    putI32(bytes, layout.crc(), computeCrc());
    return bytes.clone();
  }

  public ControlFile copy() {
    return new ControlFile(version, bytes.clone());
  }

  public PostgresVersion version() {
    return version;
  }

  /** Identity of the cluster; unsigned. */
  public long systemId() {
    return i64(bytes, ControlFileLayout.SYSTEM_ID);
  }

  public int catalogVersion() {
    return i32(bytes, ControlFileLayout.CATALOG_VERSION);
  }

  public ClusterState state() {
    return ClusterState.of(i32(bytes, ControlFileLayout.STATE));
  }

  public ControlFile setState(ClusterState state) {
    putI32(bytes, ControlFileLayout.STATE, state.number());
    return this;
  }

  /** When the file was last written, in seconds since 1970. */
  public long timeSeconds() {
    return i64(bytes, ControlFileLayout.TIME);
  }

  public ControlFile setTimeSeconds(long timeSeconds) {
    putI64(bytes, ControlFileLayout.TIME, timeSeconds);
    return this;
  }

  /** Start of the last checkpoint record. */
  public Lsn checkPointLsn() {
    return new Lsn(i64(bytes, ControlFileLayout.CHECKPOINT));
  }

  /** Copy of the last checkpoint record's body; changes of it change nothing here. */
  public CheckPoint checkPoint() {
    CheckPoint checkPoint = new CheckPoint();
    CheckPointCodec.of(version).read(checkPoint, bytes, ControlFileLayout.CHECKPOINT_COPY);
    return checkPoint;
  }

  /** Sets where the last checkpoint record begins, and the copy of its body. */
  public ControlFile setCheckPoint(Lsn recordStart, CheckPoint checkPoint) {
    putI64(bytes, ControlFileLayout.CHECKPOINT, recordStart.value());
    checkPoint.write(version, bytes, ControlFileLayout.CHECKPOINT_COPY);
    return this;
  }

  /** Forgets recovery and backup marks, as after a clean shutdown. */
  public ControlFile clearRecovery() {
    putI64(bytes, layout.minRecoveryPoint(), 0);
    putI32(bytes, layout.minRecoveryPointTimeline(), 0);
    putI64(bytes, layout.backupStartPoint(), 0);
    putI64(bytes, layout.backupEndPoint(), 0);
    putU8(bytes, layout.backupEndRequired(), 0);
    return this;
  }

  public int walSegmentSizeBytes() {
    return i32(bytes, layout.walSegmentSize());
  }

  /** Zero if pages carry no checksums. */
  public int dataChecksumVersion() {
    return i32(bytes, layout.dataChecksumVersion());
  }

  public boolean hasDataChecksums() {
    return dataChecksumVersion() != 0;
  }

  /** Settings that a standby must at least match. */
  public ServerParameters parameters() {
    return new ServerParameters(
        i32(bytes, layout.maxConnections()),
        i32(bytes, layout.maxWorkerProcesses()),
        i32(bytes, layout.maxWalSenders()),
        i32(bytes, layout.maxPreparedTransactions()),
        i32(bytes, layout.maxLocksPerTransaction()),
        i32(bytes, layout.walLevel()),
        u8(bytes, layout.walLogHints()) != 0,
        u8(bytes, layout.trackCommitTimestamp()) != 0);
  }

  public ControlFile setParameters(ServerParameters parameters) {
    putI32(bytes, layout.maxConnections(), parameters.maxConnections());
    putI32(bytes, layout.maxWorkerProcesses(), parameters.maxWorkerProcesses());
    putI32(bytes, layout.maxWalSenders(), parameters.maxWalSenders());
    putI32(bytes, layout.maxPreparedTransactions(), parameters.maxPreparedTransactions());
    putI32(bytes, layout.maxLocksPerTransaction(), parameters.maxLocksPerTransaction());
    putI32(bytes, layout.walLevel(), parameters.walLevel());
    putU8(bytes, layout.walLogHints(), parameters.walLogHints() ? 1 : 0);
    putU8(bytes, layout.trackCommitTimestamp(), parameters.trackCommitTimestamp() ? 1 : 0);
    return this;
  }
}
