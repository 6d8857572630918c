package io.coppice.safekeeper.wal;

import io.coppice.common.error.Invariant;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.WalDecoder;
import io.coppice.postgres.wal.WalRecord;
import io.coppice.safekeeper.consensus.DiskFailure;
import io.coppice.safekeeper.consensus.Request;
import io.coppice.safekeeper.consensus.TimelineProperties;
import io.coppice.safekeeper.consensus.WalStore;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
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
 * </pre>
 *
 * <p>Behind the end of the log the segment holds zeros, always: when the log is opened and when it
 * is cut, what is there is overwritten and synced before anything is appended. So no byte that was
 * cut off can ever follow new WAL and be taken for its continuation.
 *
 * <p>The next segment is created ahead of need by another thread.
 */
final class FileWalStore implements WalStore, AutoCloseable {
  private static final int ZERO_CHECK_SIZE_BYTES = 64 * 1024;

  private final WalSegments segments;
  private final TimelineProperties properties;
  private final PostgresVersion version;
  private final Executor creator;
  private final WalRecord record = new WalRecord();
  private final byte[] scratch = new byte[Request.Append.DATA_SIZE_BYTES_MAX];

  private @Nullable WalDecoder decoder;
  private Lsn writeLsn;
  private Lsn flushLsn;

  /** Nothing behind this was ever written in the newest segment. */
  private Lsn touchedLsn;

  private long openNumber = -1;
  private @Nullable FileChannel open;
  private boolean openDirty;
  private long aheadNumber = -1;
  private CompletableFuture<Void> ahead = CompletableFuture.completedFuture(null);

  private FileWalStore(
      WalSegments segments, TimelineProperties properties, Lsn end, Executor creator)
      throws StorageException {
    this.segments = segments;
    this.properties = properties;
    this.version = PostgresVersion.ofMajor(properties.postgresMajor());
    this.creator = creator;
    this.writeLsn = end;
    this.flushLsn = end;
    this.touchedLsn = end;
    this.decoder = newDecoder(end);
  }

  /**
   * Opens the log: finds its end, clears what lies behind, and syncs what was found, which may only
   * have been in the kernel's memory when the process before this one ended.
   *
   * @param from a record boundary at or below which all WAL is known to be there
   * @param creator runs what creates segments ahead of need
   * @throws StorageException.Corrupt if a segment below {@code from} is missing
   */
  static FileWalStore open(
      WalSegments segments, TimelineProperties properties, Lsn from, Executor creator)
      throws StorageException, IOException {
    segments.list();
    if (from.isAfter(properties.startLsn())) {
      long first = segments.numberOf(properties.startLsn());
      for (long number = first; number <= segments.numberOf(from.plus(-1)); number++) {
        if (!segments.exists(number)) {
          throw new StorageException.Corrupt(
              "%s is missing, which holds committed WAL".formatted(segments.path(number)));
        }
      }
    }
    Lsn end = WalScan.findEnd(segments, properties, from);
    clearBehind(segments, end);
    return new FileWalStore(segments, properties, end, creator);
  }

  private static void clearBehind(WalSegments segments, Lsn end) throws IOException {
    long last = segments.numberOf(end);
    segments.deleteAfter(last);
    if (last > 0 && segments.offsetIn(end) == 0 && segments.exists(last - 1)) {
      try (FileChannel channel = segments.openForWriting(last - 1)) {
        channel.force(true);
      }
    }
    if (!segments.exists(last)) {
      return;
    }
    try (FileChannel channel = segments.openForWriting(last)) {
      ByteBuffer block = ByteBuffer.allocate(ZERO_CHECK_SIZE_BYTES);
      long offset = segments.offsetIn(end);
      while (offset < segments.sizeBytes()) {
        block.clear().limit((int) Math.min(block.capacity(), segments.sizeBytes() - offset));
        int count = channel.read(block, offset);
        if (!isZero(block.array(), count)) {
          WalSegments.writeZeros(channel, offset, offset + count);
        }
        offset += count;
      }
      channel.force(true);
    }
  }

  private static boolean isZero(byte[] bytes, int length) {
    int or = 0;
    for (int i = 0; i < length; i++) {
      or |= bytes[i];
    }
    return or == 0;
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
    data.get(data.position(), scratch, 0, length);
    try {
      writeToSegments(begin, length);
    } catch (IOException e) {
      throw new StorageException.Transient(
          "cannot write WAL at %s to %s: %s"
              .formatted(begin, segments.path(segments.numberOf(begin)), e.getMessage()),
          e);
    }
    writeLsn = begin.plus(length);
    decode(length);
  }

  /** The log ends at the last whole record; the decoder says which that is. */
  private void decode(int length) throws StorageException {
    WalDecoder current = decoder;
    if (current == null) {
      throw new StorageException.Corrupt("the log at " + writeLsn + " was not WAL");
    }
    current.feed(scratch, 0, length);
    try {
      while (current.next(record)) {
        // only the positions matter
      }
    } catch (StorageException notWal) {
      decoder = null;
      throw notWal;
    }
  }

  private void writeToSegments(Lsn begin, int length) throws IOException, DiskFailure {
    int done = 0;
    while (done < length) {
      Lsn at = begin.plus(done);
      FileChannel channel = segmentFor(at);
      int offset = segments.offsetIn(at);
      int count = Math.min(length - done, segments.sizeBytes() - offset);
      touchedLsn = Lsn.max(touchedLsn, at.plus(count));
      openDirty = true;
      ByteBuffer part = ByteBuffer.wrap(scratch, done, count);
      long position = offset;
      while (part.hasRemaining()) {
        position += channel.write(part, position);
      }
      done += count;
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
    joinAhead();
    segments.create(number);
    FileChannel next = segments.openForWriting(number);
    open = next;
    openNumber = number;
    createAhead(number + 1);
    return next;
  }

  private void createAhead(long number) {
    aheadNumber = number;
    ahead =
        CompletableFuture.runAsync(
            () -> {
              try {
                segments.create(number);
              } catch (IOException e) {
                throw new CompletionException(e);
              }
            },
            creator);
  }

  /** Waits for the creation under way. If it failed, whoever needs the segment tries again. */
  private void joinAhead() {
    if (aheadNumber >= 0) {
      var _ = ahead.handle((_, _) -> null).join();
      aheadNumber = -1;
    }
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
  }

  @Override
  public void truncate(Lsn end) throws DiskFailure {
    Invariant.check(end.isAtOrBefore(flushLsn), "cut at %s, flushed to %s", end, flushLsn);
    joinAhead();
    try {
      closeOpen();
      if (end.isBefore(touchedLsn)) {
        clearBehind(segments, end);
      }
    } catch (IOException e) {
      throw new DiskFailure("cannot cut the log at " + end, e);
    }
    writeLsn = end;
    flushLsn = end;
    touchedLsn = end;
    decoder = newDecoder(end);
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
    joinAhead();
    closeOpen();
  }

  /** A reader of what is in the segments, for one other thread. */
  WalReader newReader() {
    return new WalReader(segments);
  }
}
