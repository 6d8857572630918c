package io.coppice.postgres.control;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.postgres.version.PostgresVersion;
import java.util.Objects;

/**
 * The body of a checkpoint record, which pg_control holds a copy of ({@code CheckPoint} in {@code
 * pg_control.h}). Mutable: ingest keeps one up to date record by record. Not thread safe.
 *
 * <p>Transaction ids are 32 bits unless they are called full; all are unsigned.
 */
public final class CheckPoint {
  private Lsn redo = Lsn.INVALID;
  private int timeline;
  private int previousTimeline;
  private boolean fullPageWrites;
  private int walLevel;
  private long nextFullXid;
  private int nextOid;
  private int nextMulti;
  private int nextMultiOffset;
  private int oldestXid;
  private int oldestXidDb;
  private int oldestMulti;
  private int oldestMultiDb;
  private long timeSeconds;
  private int oldestCommitTsXid;
  private int newestCommitTsXid;
  private int oldestActiveXid;

  /** Bytes of the struct in that version. */
  public static int sizeBytes(PostgresVersion version) {
    return CheckPointCodec.of(version).sizeBytes();
  }

  /** Reads the struct of that version. */
  public static CheckPoint read(PostgresVersion version, byte[] bytes, int offset, int length)
      throws StorageException.Corrupt {
    Objects.checkFromIndexSize(offset, length, bytes.length);
    CheckPointCodec codec = CheckPointCodec.of(version);
    if (length != codec.sizeBytes()) {
      throw new StorageException.Corrupt(
          "checkpoint of PostgreSQL %d: expected %d bytes, got %d"
              .formatted(version.major(), codec.sizeBytes(), length));
    }
    CheckPoint checkPoint = new CheckPoint();
    codec.read(checkPoint, bytes, offset);
    return checkPoint;
  }

  /** Writes the struct of that version, {@link #sizeBytes} long, padding zeroed. */
  public void write(PostgresVersion version, byte[] bytes, int offset) {
    CheckPointCodec.of(version).write(this, bytes, offset);
  }

  /** The struct of that version in an array of its own. */
  public byte[] toBytes(PostgresVersion version) {
    byte[] bytes = new byte[sizeBytes(version)];
    write(version, bytes, 0);
    return bytes;
  }

  public CheckPoint copy() {
    CheckPoint copy = new CheckPoint();
    copy.redo = redo;
    copy.timeline = timeline;
    copy.previousTimeline = previousTimeline;
    copy.fullPageWrites = fullPageWrites;
    copy.walLevel = walLevel;
    copy.nextFullXid = nextFullXid;
    copy.nextOid = nextOid;
    copy.nextMulti = nextMulti;
    copy.nextMultiOffset = nextMultiOffset;
    copy.oldestXid = oldestXid;
    copy.oldestXidDb = oldestXidDb;
    copy.oldestMulti = oldestMulti;
    copy.oldestMultiDb = oldestMultiDb;
    copy.timeSeconds = timeSeconds;
    copy.oldestCommitTsXid = oldestCommitTsXid;
    copy.newestCommitTsXid = newestCommitTsXid;
    copy.oldestActiveXid = oldestActiveXid;
    return copy;
  }

  /** Where replay begins; for a shutdown checkpoint the checkpoint record itself. */
  public Lsn redo() {
    return redo;
  }

  public CheckPoint setRedo(Lsn redo) {
    this.redo = redo;
    return this;
  }

  /** Postgres's timeline id: always 1 here. */
  public int timeline() {
    return timeline;
  }

  public CheckPoint setTimeline(int timeline) {
    this.timeline = timeline;
    return this;
  }

  public int previousTimeline() {
    return previousTimeline;
  }

  public CheckPoint setPreviousTimeline(int previousTimeline) {
    this.previousTimeline = previousTimeline;
    return this;
  }

  public boolean fullPageWrites() {
    return fullPageWrites;
  }

  public CheckPoint setFullPageWrites(boolean fullPageWrites) {
    this.fullPageWrites = fullPageWrites;
    return this;
  }

  /** 0 minimal, 1 replica, 2 logical; from 17 on, zero before. */
  public int walLevel() {
    return walLevel;
  }

  public CheckPoint setWalLevel(int walLevel) {
    this.walLevel = walLevel;
    return this;
  }

  /** Next transaction id with its epoch in the upper 32 bits. */
  public long nextFullXid() {
    return nextFullXid;
  }

  public CheckPoint setNextFullXid(long nextFullXid) {
    this.nextFullXid = nextFullXid;
    return this;
  }

  public int nextOid() {
    return nextOid;
  }

  public CheckPoint setNextOid(int nextOid) {
    this.nextOid = nextOid;
    return this;
  }

  public int nextMulti() {
    return nextMulti;
  }

  public CheckPoint setNextMulti(int nextMulti) {
    this.nextMulti = nextMulti;
    return this;
  }

  public int nextMultiOffset() {
    return nextMultiOffset;
  }

  public CheckPoint setNextMultiOffset(int nextMultiOffset) {
    this.nextMultiOffset = nextMultiOffset;
    return this;
  }

  public int oldestXid() {
    return oldestXid;
  }

  public CheckPoint setOldestXid(int oldestXid) {
    this.oldestXid = oldestXid;
    return this;
  }

  public int oldestXidDb() {
    return oldestXidDb;
  }

  public CheckPoint setOldestXidDb(int oldestXidDb) {
    this.oldestXidDb = oldestXidDb;
    return this;
  }

  public int oldestMulti() {
    return oldestMulti;
  }

  public CheckPoint setOldestMulti(int oldestMulti) {
    this.oldestMulti = oldestMulti;
    return this;
  }

  public int oldestMultiDb() {
    return oldestMultiDb;
  }

  public CheckPoint setOldestMultiDb(int oldestMultiDb) {
    this.oldestMultiDb = oldestMultiDb;
    return this;
  }

  /** Seconds since 1970. */
  public long timeSeconds() {
    return timeSeconds;
  }

  public CheckPoint setTimeSeconds(long timeSeconds) {
    this.timeSeconds = timeSeconds;
    return this;
  }

  public int oldestCommitTsXid() {
    return oldestCommitTsXid;
  }

  public CheckPoint setOldestCommitTsXid(int oldestCommitTsXid) {
    this.oldestCommitTsXid = oldestCommitTsXid;
    return this;
  }

  public int newestCommitTsXid() {
    return newestCommitTsXid;
  }

  public CheckPoint setNewestCommitTsXid(int newestCommitTsXid) {
    this.newestCommitTsXid = newestCommitTsXid;
    return this;
  }

  /** Oldest transaction still running; zero in a shutdown checkpoint. */
  public int oldestActiveXid() {
    return oldestActiveXid;
  }

  public CheckPoint setOldestActiveXid(int oldestActiveXid) {
    this.oldestActiveXid = oldestActiveXid;
    return this;
  }

  @Override
  public String toString() {
    return "checkpoint (redo %s, next xid %s, next oid %s)"
        .formatted(redo, Long.toUnsignedString(nextFullXid), Integer.toUnsignedString(nextOid));
  }
}
