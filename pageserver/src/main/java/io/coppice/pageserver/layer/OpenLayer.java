package io.coppice.pageserver.layer;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.coppice.common.error.Invariant;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.key.Key;
import io.coppice.postgres.redo.StoredValues;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The newest values of a timeline, in off-heap memory, until they are written to a delta layer. One
 * writer, any number of readers without locks; the memory goes when the last of them lets go.
 *
 * <pre>
 *  version   0          8         16            20          24
 *            | older    | LSN     | key entry/8 | length    | value, padded to 8 |
 *            | version  | u64     | u32         | u32       |
 * </pre>
 *
 * Versions lie in one log in the order of their arrival, those of a key linked from newest to
 * oldest. A version becomes reachable with a release store, after it was written.
 */
public final class OpenLayer extends RefCounted {
  /** Largest value that can be put. */
  public static final int VALUE_SIZE_BYTES_MAX = 16 << 20;

  static final int HEADER_SIZE_BYTES = 24;
  private static final int CACHE_LINE_SIZE_BYTES = 64;
  private static final int TOUCHED_SIZE_BYTES_MAX = 512;
  private static final long OLDER = 0;
  private static final long LSN = 8;
  private static final long ENTRY = 16;
  private static final long LENGTH = 20;

  private final Arena arena = Arena.ofShared();
  private final OffHeapLog log;
  private final KeyTable keys;
  private final Lsn startLsn;
  private final long createdAtMillis;

  // Entries of the sparse keys, whose ranges are scanned; the first sparseCount are published.
  private volatile int[] sparseEntries = new int[16];
  private volatile int sparseCount;

  private volatile boolean frozen;
  private long versionCount;
  private long newestLsn;
  private long recordStart;
  private long recordVersions;
  private long recordStartLsn;
  private final AtomicLong usedBytes = new AtomicLong();

  /**
   * An empty layer.
   *
   * @param startLsn exclusive: all values are after it
   * @param createdAtMillis of a monotonic clock
   * @param environment gives the memory
   */
  public OpenLayer(Lsn startLsn, long createdAtMillis, LayerEnvironment environment) {
    this.log = new OffHeapLog(arena, environment.chunks());
    this.keys = new KeyTable(arena, environment.chunks());
    this.startLsn = startLsn;
    this.createdAtMillis = createdAtMillis;
    this.newestLsn = startLsn.value();
    this.recordStart = log.endPosition();
    this.recordStartLsn = newestLsn;
  }

  public Lsn startLsn() {
    return startLsn;
  }

  public long createdAtMillis() {
    return createdAtMillis;
  }

  /** The writer's: the highest LSN that was put, published or not. */
  public Lsn newestLsn() {
    return new Lsn(newestLsn);
  }

  /** Behind the last value; roughly, for people to look at, while the layer is written. */
  public Lsn endLsn() {
    return new Lsn(recordStartLsn + 1);
  }

  /** Nothing may be put any more. */
  public void setFrozen() {
    frozen = true;
  }

  public boolean isFrozen() {
    return frozen;
  }

  /** Bytes in use, as of the last {@link #endRecord}. */
  public long sizeBytes() {
    return usedBytes.getAcquire();
  }

  /** The writer's, or anyone's once nothing is written any more. */
  public boolean isEmpty() {
    return versionCount == 0;
  }

  /** The writer's: adds a version. What may be put twice is said at {@code TimelineWriter#put}. */
  public void put(Key key, Lsn lsn, byte[] value, int offset, int length) throws StorageException {
    if (length > VALUE_SIZE_BYTES_MAX) {
      throw new StorageException.Unsupported(
          "value of key %s at %s has %d bytes; the limit is %d"
              .formatted(key, lsn, length, VALUE_SIZE_BYTES_MAX));
    }
    Invariant.check(!frozen, "put into %s, which is frozen", this);
    long entry = keys.findOrAdd(key);
    long older = keys.newest(entry);
    if (older != OffHeapLog.NONE) {
      checkOrder(key, lsn, keys.newestLsn(entry), StoredValues.isComplete(value, offset, length));
    }
    long version = log.allocate(HEADER_SIZE_BYTES + length);
    MemorySegment chunk = log.chunk(version);
    long at = OffHeapLog.offset(version);
    chunk.set(JAVA_LONG, at + OLDER, older);
    chunk.set(JAVA_LONG, at + LSN, lsn.value());
    chunk.set(JAVA_INT, at + ENTRY, (int) (entry >>> 3));
    chunk.set(JAVA_INT, at + LENGTH, length);
    MemorySegment.copy(value, offset, chunk, JAVA_BYTE, at + HEADER_SIZE_BYTES, length);
    keys.addVersion(entry, version, lsn.value());
    if (older == OffHeapLog.NONE && key.isSparse()) {
      addSparse(entry);
    }
    newestLsn = Long.compareUnsigned(lsn.value(), newestLsn) > 0 ? lsn.value() : newestLsn;
    versionCount++;
    recordVersions++;
  }

  private static void checkOrder(Key key, Lsn lsn, long before, boolean isComplete) {
    int order = Long.compareUnsigned(before, lsn.value());
    Invariant.check(order <= 0, "key %s was put at %s after %s", key, lsn, new Lsn(before));
    Invariant.check(
        order < 0 || isComplete,
        "key %s was put twice at %s, and the second value needs the first",
        key,
        lsn);
  }

  private void addSparse(long entry) {
    int count = sparseCount;
    int[] entries = sparseEntries;
    if (count == entries.length) {
      entries = Arrays.copyOf(entries, count * 2);
      sparseEntries = entries;
    }
    entries[count] = (int) (entry >>> 3);
    sparseCount = count + 1;
  }

  /** The writer's: whether something was put since the last {@link #endRecord}. */
  public boolean hasUnendedRecord() {
    return recordVersions != 0;
  }

  /** The writer's: what was put since the last time belongs together and stays. */
  public void endRecord() {
    recordStart = log.endPosition();
    recordStartLsn = newestLsn;
    recordVersions = 0;
    usedBytes.setRelease(log.usedBytes() + keys.usedBytes());
  }

  /**
   * The writer's: forgets what was put since the last {@link #endRecord}. Readers may be looking at
   * these versions (their LSNs are above what they read at), so they are unlinked, not overwritten.
   */
  public void discardRecord() {
    if (recordVersions == 0) {
      return;
    }
    List<Long> discarded = new ArrayList<>();
    forEachVersion(recordStart, discarded::add);
    for (long version : discarded.reversed()) {
      long older = older(version);
      keys.removeVersion(entry(version), older, older == OffHeapLog.NONE ? 0 : lsn(older));
      log.chunk(version).set(JAVA_INT, OffHeapLog.offset(version) + ENTRY, 0);
    }
    versionCount -= recordVersions;
    newestLsn = recordStartLsn;
    endRecord();
  }

  /** Does something with a version. */
  interface VersionAction {
    void accept(long version);
  }

  /** Visits versions in the order of their arrival, without those that were discarded. */
  void forEachVersion(long from, VersionAction action) {
    for (int i = 0; i < log.chunkCount(); i++) {
      long end = log.endPosition(i);
      long at = Math.max(from, OffHeapLog.firstPosition(i));
      while (at < end) {
        MemorySegment chunk = log.chunk(at);
        long offset = OffHeapLog.offset(at);
        if (chunk.get(JAVA_INT, offset + ENTRY) != 0) {
          action.accept(at);
        }
        at += (HEADER_SIZE_BYTES + chunk.get(JAVA_INT, offset + LENGTH) + 7L) & -8L;
      }
    }
  }

  /**
   * Adds the versions of a key after {@code floor} and at or before {@code lsn}, newest first, up
   * to a complete one.
   */
  void collect(Key key, long lsn, long floor, VersionList into) throws StorageException {
    long entry = keys.find(key);
    if (entry == KeyTable.NONE) {
      return;
    }
    long version = newestAtOrBefore(entry, lsn);
    while (version != OffHeapLog.NONE && Long.compareUnsigned(lsn(version), floor) > 0) {
      if (!into.reaches(lsn(version))) {
        long at = OffHeapLog.offset(version) + HEADER_SIZE_BYTES;
        into.add(lsn(version), log.chunk(version), at, length(version));
        if (into.isComplete()) {
          return;
        }
      }
      version = older(version);
    }
  }

  private long newestAtOrBefore(long entry, long lsn) {
    long version = keys.newest(entry);
    while (version != OffHeapLog.NONE && Long.compareUnsigned(lsn(version), lsn) > 0) {
      version = older(version);
    }
    return version;
  }

  /** The sparse keys of a range; see {@link ScanSource}. */
  ScanSource scan(Key from, Key toExclusive, long lsn) {
    int count = sparseCount;
    int[] entries = sparseEntries;
    List<Key> found = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      Key key = keys.key(Integer.toUnsignedLong(entries[i]) << 3);
      if (key.compareTo(from) >= 0 && key.compareTo(toExclusive) < 0) {
        found.add(key);
      }
    }
    found.sort(Comparator.naturalOrder());
    return new Scan(found.iterator(), lsn);
  }

  private final class Scan implements ScanSource {
    private final Iterator<Key> remaining;
    private final long lsn;
    private @Nullable Key last;

    Scan(Iterator<Key> remaining, long lsn) {
      this.remaining = remaining;
      this.lsn = lsn;
    }

    @Override
    public @Nullable VersionedValue next() {
      while (remaining.hasNext()) {
        Key key = remaining.next();
        if (key.equals(last)) {
          // Listed again after its first version was discarded.
          continue;
        }
        last = key;
        long version = newestAtOrBefore(keys.find(key), lsn);
        if (version != OffHeapLog.NONE) {
          byte[] value = new byte[length(version)];
          long at = OffHeapLog.offset(version) + HEADER_SIZE_BYTES;
          MemorySegment.copy(log.chunk(version), JAVA_BYTE, at, value, 0, value.length);
          return new VersionedValue(key, new Lsn(lsn(version)), value);
        }
      }
      return null;
    }

    @Override
    public void close() {}
  }

  long older(long version) {
    return log.chunk(version).get(JAVA_LONG, OffHeapLog.offset(version) + OLDER);
  }

  long lsn(long version) {
    return log.chunk(version).get(JAVA_LONG, OffHeapLog.offset(version) + LSN);
  }

  int length(long version) {
    return log.chunk(version).get(JAVA_INT, OffHeapLog.offset(version) + LENGTH);
  }

  /** Reads a little of each cache line of a small value. */
  int touch(long version) {
    MemorySegment chunk = log.chunk(version);
    long at = OffHeapLog.offset(version);
    int end = HEADER_SIZE_BYTES + Math.min(length(version), TOUCHED_SIZE_BYTES_MAX);
    int sum = 0;
    for (int i = CACHE_LINE_SIZE_BYTES; i < end; i += CACHE_LINE_SIZE_BYTES) {
      sum += chunk.get(JAVA_BYTE, at + i);
    }
    return sum;
  }

  long entry(long version) {
    int entry = log.chunk(version).get(JAVA_INT, OffHeapLog.offset(version) + ENTRY);
    return Integer.toUnsignedLong(entry) << 3;
  }

  KeyTable keys() {
    return keys;
  }

  OffHeapLog log() {
    return log;
  }

  long versionCount() {
    return versionCount;
  }

  @Override
  protected void dispose() {
    arena.close();
  }

  @Override
  public String toString() {
    return "open layer from " + startLsn;
  }
}
