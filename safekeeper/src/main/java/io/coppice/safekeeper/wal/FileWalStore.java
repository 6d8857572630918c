package io.coppice.safekeeper.wal;

import io.coppice.common.error.Invariant;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.WalDecoder;
import io.coppice.postgres.wal.WalRecord;
import io.coppice.safekeeper.consensus.DiskFailure;
import io.coppice.safekeeper.consensus.TimelineProperties;
import io.coppice.safekeeper.consensus.WalStore;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * A timeline's log in segment files. One owner thread.
 *
 * <pre>
 *   start        commit         flushLsn   durable   writeLsn      end of the segment
 *   |--------------|---------------|----------|---------|000000000000000|
 *    whole records, durable         part of a  not yet   zeros
 *                                   record     synced
 *   |---- checksums durable -?- written ------|
 * </pre>
 *
 * <p>One sync of the segment serves a whole flush. The checksums of what it made durable are then
 * written, and synced only by {@link #syncChecksums}, which is called before a commit LSN is
 * persisted: below that all blocks have durable checksums.
 *
 * <p>Behind the end of the log the segment holds zeros, always: when the log is opened and when it
 * is cut, what is there is overwritten and synced before anything is appended. So no byte that was
 * cut off can ever follow new WAL and be taken for its continuation.
 *
 * <p>The next segment is created ahead of need ({@link SegmentAhead}).
 */
final class FileWalStore implements WalStore, AutoCloseable {
  private static final int REWRITE_SIZE_BYTES = 64 * 1024;

  private final WalSegments segments;
  private final LogShare share;
  private final TimelineProperties properties;
  private final PostgresVersion version;
  private final SegmentAhead ahead;
  private final WalRecord record = new WalRecord();

  /** Where the first record begins that is looked at. */
  private Lsn recordsFrom;

  private @Nullable WalDecoder decoder;
  private Lsn writeLsn;
  private Lsn flushLsn;

  /** Nothing behind this was ever written in the newest segment. */
  private Lsn touchedLsn;

  private long openNumber = -1;
  private @Nullable FileChannel open;
  private boolean openDirty;

  /** Of the open segment, since it was opened. */
  private long openWrittenBytes;

  private int openSyncs;

  private ChecksumWriter checksums;

  private FileWalStore(
      WalSegments segments,
      TimelineProperties properties,
      WalScan.Found found,
      Lsn recordsFrom,
      Executor creator,
      LogShare share)
      throws StorageException {
    this.segments = segments;
    this.share = share;
    this.properties = properties;
    this.version = PostgresVersion.ofMajor(properties.postgresMajor());
    this.ahead = new SegmentAhead(segments, creator);
    this.writeLsn = found.end();
    this.flushLsn = found.end();
    this.touchedLsn = found.end();
    this.recordsFrom = recordsFrom;
    this.decoder = newDecoder(recordsFrom);
    this.checksums = new ChecksumWriter(segments, share, found);
  }

  /**
   * Opens the log: finds its end, clears what lies behind, and makes durable what was found, which
   * may only have been in the kernel's memory when the process before this one ended. A sync alone
   * would not do: if one had failed, the kernel still shows what it has given up writing.
   *
   * @param localStart where WAL begins that is to be here; what is before is deleted
   * @param from a record boundary; from {@code localStart} up to it all WAL is known to be there
   * @param creator runs what creates segments ahead of need
   * @param share with those who read the same log
   * @throws StorageException.Corrupt if a segment below {@code from} is missing, or WAL behind it
   *     that was durable is damaged
   */
  static FileWalStore open(
      WalSegments segments,
      TimelineProperties properties,
      Lsn localStart,
      Lsn from,
      Executor creator,
      LogShare share)
      throws StorageException, IOException {
    // First of all: were a segment's deletion not durable, it could come back without its
    // checksums.
    segments.syncNames();
    segments.clearLeftovers();
    segments.deleteBefore(segments.numberOf(localStart));
    if (from.isAfter(localStart)) {
      long first = segments.numberOf(localStart);
      for (long number = first; number <= segments.numberOf(from.plus(-1)); number++) {
        if (!segments.exists(number)) {
          throw new StorageException.Corrupt(
              "%s is missing, which holds committed WAL".formatted(segments.path(number)));
        }
      }
    }
    WalScan.Found found = WalScan.find(segments, properties, from);
    rewrite(segments, from, found.end());
    LogCut.at(segments, found.end(), found.tail(), true);
    FileWalStore store = new FileWalStore(segments, properties, found, found.end(), creator, share);
    store.checksums.store(found.end());
    store.checksums.sync();
    return store;
  }

  /**
   * A log that is to be copied from another safekeeper, and is empty yet.
   *
   * @param localStart where it is to begin: where the timeline does, or at a segment, in the middle
   *     of a record perhaps
   * @param recordsFrom a record boundary at or behind that; what is before is taken as it comes
   */
  static FileWalStore openCopy(
      WalSegments segments,
      TimelineProperties properties,
      Lsn localStart,
      Lsn recordsFrom,
      Executor creator,
      LogShare share)
      throws StorageException, IOException {
    WalScan.Found nothing = WalScan.find(segments, properties, localStart);
    return new FileWalStore(segments, properties, nothing, recordsFrom, creator, share);
  }

  /** Writes what is there once more, and syncs it. */
  private static void rewrite(WalSegments segments, Lsn from, Lsn end)
      throws StorageException.Corrupt, IOException {
    if (from.equals(end)) {
      return;
    }
    ByteBuffer bytes = ByteBuffer.allocate(REWRITE_SIZE_BYTES);
    Lsn at = BlockChecksum.blockOf(from);
    while (at.isBefore(end)) {
      long number = segments.numberOf(at);
      Lsn limit = Lsn.min(end, segments.startOf(number + 1));
      try (FileChannel channel = segments.openForWriting(number)) {
        while (at.isBefore(limit)) {
          int offset = segments.offsetIn(at);
          bytes.clear().limit((int) Math.min(bytes.capacity(), limit.minus(at)));
          Channels.read(segments.path(number), channel, bytes, offset);
          Channels.write(channel, bytes.flip(), offset);
          at = at.plus(bytes.position());
        }
        channel.force(true);
      }
    }
  }

  private WalDecoder newDecoder(Lsn start) {
    WalDecoder fresh = new WalDecoder(version, properties.walSegmentSizeBytes(), start);
    fresh.expectSystemId(properties.systemId());
    return fresh;
  }

  @Override
  public Lsn writeLsn() {
    return writeLsn;
  }

  @Override
  public Lsn flushLsn() {
    return flushLsn;
  }

  @Override
  public void write(Lsn begin, ByteBuffer data) throws StorageException, DiskFailure {
    Invariant.check(begin.equals(writeLsn), "write at %s, log ends at %s", begin, writeLsn);
    int length = data.remaining();
    if (length == 0) {
      return;
    }
    try {
      createUpTo(begin, begin.plus(length - 1));
      writeToSegments(begin, data.slice());
    } catch (IOException e) {
      throw failedWrite(begin, e);
    }
    checksums.append(data.slice());
    writeLsn = begin.plus(length);
    int skipped = Math.clamp(recordsFrom.minus(begin), 0, length);
    decode(data.slice(data.position() + skipped, length - skipped));
  }

  /** Nothing was acknowledged of what could not be written; without room it may work later. */
  private StorageException failedWrite(Lsn begin, IOException e) throws DiskFailure {
    if (!DiskFull.isCauseOf(e)) {
      throw new DiskFailure("cannot write WAL at %s to %s".formatted(begin, segments), e);
    }
    return new StorageException.Transient(
        "no room for WAL at %s in %s: %s".formatted(begin, segments, e.getMessage()), e);
  }

  /** The log ends at the last whole record; the decoder says which that is. */
  private void decode(ByteBuffer data) throws StorageException {
    WalDecoder current = decoder;
    if (current == null) {
      throw new StorageException.Corrupt("the log at " + writeLsn + " was not WAL");
    }
    current.feed(data);
    try {
      while (current.next(record)) {
        // only the positions matter
      }
    } catch (StorageException notWal) {
      decoder = null;
      throw notWal;
    }
  }

  private void writeToSegments(Lsn begin, ByteBuffer data) throws IOException, DiskFailure {
    int length = data.capacity();
    int done = 0;
    while (done < length) {
      Lsn at = begin.plus(done);
      FileChannel channel = segmentFor(at);
      int offset = segments.offsetIn(at);
      int count = Math.min(length - done, segments.sizeBytes() - offset);
      touchedLsn = Lsn.max(touchedLsn, at.plus(count));
      openDirty = true;
      Channels.write(channel, data.slice(done, count), offset);
      openWrittenBytes += count;
      done += count;
    }
  }

  /** Creates what is not there yet, before anything is written: there may be no room for it. */
  private void createUpTo(Lsn first, Lsn last) throws IOException, DiskFailure {
    for (long number = segments.numberOf(first); number <= segments.numberOf(last); number++) {
      if (open == null || number != openNumber) {
        ahead.await();
        // Who appends waits for it, so in the quickest way.
        segments.create(number, WalSegments.Blocks.RESERVED);
      }
    }
  }

  private FileChannel segmentFor(Lsn at) throws IOException, DiskFailure {
    long number = segments.numberOf(at);
    FileChannel channel = open;
    if (channel != null && openNumber == number) {
      return channel;
    }
    if (channel != null) {
      forceOpen(channel);
      channel.close();
      open = null;
    }
    FileChannel next = segments.openForWriting(number);
    open = next;
    openNumber = number;
    ahead.begin(number + 1, segments.blocksAfter(openWrittenBytes, openSyncs));
    openWrittenBytes = 0;
    openSyncs = 0;
    return next;
  }

  /** A failed sync cannot be told apart from lost data. */
  private void forceOpen(FileChannel channel) throws DiskFailure {
    if (!openDirty) {
      return;
    }
    try {
      channel.force(false);
    } catch (IOException e) {
      throw new DiskFailure("cannot sync " + segments.path(openNumber), e);
    }
    openDirty = false;
    openSyncs++;
  }

  @Override
  public void flush() throws DiskFailure {
    FileChannel channel = open;
    if (channel != null) {
      forceOpen(channel);
    }
    WalDecoder current = decoder;
    if (current != null && current.position().isAtOrBefore(writeLsn)) {
      flushLsn = current.position();
    }
    try {
      checksums.store(flushLsn);
    } catch (IOException e) {
      throw new DiskFailure("cannot write checksums in " + segments, e);
    }
  }

  /** Makes the checksums of all that was flushed durable. */
  void syncChecksums() throws DiskFailure {
    try {
      checksums.sync();
    } catch (IOException e) {
      throw new DiskFailure("cannot sync checksums in " + segments, e);
    }
  }

  @Override
  public void truncate(Lsn end) throws StorageException.Corrupt, DiskFailure {
    Invariant.check(end.isAtOrBefore(flushLsn), "cut at %s, flushed to %s", end, flushLsn);
    ahead.await();
    if (end.isBefore(touchedLsn)) {
      share.beginCut();
      try {
        byte[] tail = checkedTail(end);
        checksums.close();
        closeOpen();
        LogCut.at(segments, end, tail, false);
        checksums = new ChecksumWriter(segments, share, end, tail);
      } catch (IOException e) {
        throw new DiskFailure("cannot cut the log at " + end, e);
      } finally {
        share.endCut();
      }
    }
    writeLsn = end;
    flushLsn = end;
    touchedLsn = end;
    recordsFrom = end;
    decoder = newDecoder(end);
  }

  /**
   * The block that holds {@code end}; what stays of it is to get a checksum of its own.
   *
   * @throws StorageException.Corrupt if it is damaged; nothing was changed
   */
  private byte[] checkedTail(Lsn end) throws StorageException.Corrupt, IOException {
    int kept = BlockChecksum.offsetInBlock(end);
    byte[] tail = new byte[BlockChecksum.BLOCK_SIZE_BYTES];
    if (kept > 0 && end.isAfter(properties.startLsn())) {
      try (BlockReader blocks = new BlockReader(segments, share)) {
        int block = segments.offsetIn(end) / BlockChecksum.BLOCK_SIZE_BYTES;
        blocks.load(segments.numberOf(end), block, 1);
        blocks.check(0, kept);
        System.arraycopy(blocks.bytes(), 0, tail, 0, kept);
      }
    }
    return tail;
  }

  private void closeOpen() throws IOException {
    FileChannel channel = open;
    open = null;
    openDirty = false;
    if (channel != null) {
      channel.close();
    }
  }

  /** Closes the files; what was not flushed may be lost. */
  @Override
  public void close() throws IOException {
    ahead.close();
    closeOpen();
    checksums.close();
  }

  /** A reader of what is in the segments, for one other thread. */
  WalReader newReader() {
    return new WalReader(segments, share);
  }
}
