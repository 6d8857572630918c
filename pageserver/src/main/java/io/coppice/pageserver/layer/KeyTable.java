package io.coppice.pageserver.layer;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.coppice.common.error.Invariant;
import io.coppice.common.key.Key;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;

/**
 * Off-heap map from a key to its newest version in an {@link OpenLayer}: open addressing with
 * linear probing. One writer; readers take no lock.
 *
 * <pre>
 *  slot    0                 4                8
 *          | position/8, u32 | hash tag, u32  |          zero: free
 *
 *  entry   0            8            16         20         24             32            40
 *          | f2 << 32   | f4 << 32   | f1 << 8  | versions | newest       | its LSN     |
 *          |  + f3      |  + f6      |  + f5    | (writer) | version, u64 | (writer)    |
 * </pre>
 *
 * An entry is written before the slot that leads to it, and a version before the entry's newest;
 * both are stored with release and read with acquire. The newest version's LSN is repeated for the
 * writer's checks, to whom the version itself would be a cache miss; once nothing is written any
 * more, the place of the key in what is drained is kept there. The table doubles by filling a new
 * one and then publishing it; a reader that still looks in the old one misses only keys that were
 * put after its LSN was published. Old tables stay until the layer is freed: together they are
 * smaller than the newest.
 */
final class KeyTable {
  /** No such key. */
  static final long NONE = OffHeapLog.NONE;

  private static final int ENTRY_SIZE_BYTES = 40;
  private static final int SLOT_SIZE_BYTES = 8;
  private static final int SLOTS_MIN = 1 << 8;
  private static final int SLOTS_MAX = 1 << 26;
  private static final long A = 0;
  private static final long B = 8;
  private static final long C = 16;
  private static final long VERSIONS = 20;
  private static final long NEWEST = 24;
  private static final long NEWEST_LSN = 32;
  private static final long PLACE = NEWEST_LSN;
  private static final VarHandle LONG = JAVA_LONG.varHandle();

  private final Arena arena;
  private final OffHeapLog entries;
  private volatile MemorySegment slots;
  private int keyCount;
  private long slotBytes;

  KeyTable(Arena arena, ChunkPool pool) {
    this.arena = arena;
    this.entries = new OffHeapLog(arena, pool);
    this.slots = newSlots(SLOTS_MIN);
  }

  private MemorySegment newSlots(int count) {
    slotBytes += (long) count * SLOT_SIZE_BYTES;
    return arena.allocate((long) count * SLOT_SIZE_BYTES, SLOT_SIZE_BYTES);
  }

  static long a(Key key) {
    return (long) key.field2() << 32 | (key.field3() & 0xFFFF_FFFFL);
  }

  static long b(Key key) {
    return (long) key.field4() << 32 | (key.field6() & 0xFFFF_FFFFL);
  }

  static int c(Key key) {
    return key.field1() << 8 | key.field5();
  }

  private static long hash(long a, long b, int c) {
    long h = a * 0x9E37_79B9_7F4A_7C15L + c;
    h = (h ^ h >>> 32) * 0xD6E8_FEB8_6659_FD93L + b;
    h = (h ^ h >>> 29) * 0x9E37_79B9_7F4A_7C15L;
    return h ^ h >>> 32;
  }

  /** Position of a key's entry, or {@link #NONE}. */
  long find(Key key) {
    return find(a(key), b(key), c(key));
  }

  private long find(long a, long b, int c) {
    MemorySegment table = slots;
    long hash = hash(a, b, c);
    int tag = (int) (hash >>> 32);
    long mask = table.byteSize() / SLOT_SIZE_BYTES - 1;
    for (long slot = hash & mask; ; slot = (slot + 1) & mask) {
      long found = (long) LONG.getAcquire(table, slot * SLOT_SIZE_BYTES);
      if (found == 0) {
        return NONE;
      }
      if ((int) (found >>> 32) == tag) {
        long entry = (found & 0xFFFF_FFFFL) << 3;
        if (matches(entry, a, b, c)) {
          return entry;
        }
      }
    }
  }

  private boolean matches(long entry, long a, long b, int c) {
    MemorySegment chunk = entries.chunk(entry);
    long at = OffHeapLog.offset(entry);
    return chunk.get(JAVA_LONG, at + A) == a
        && chunk.get(JAVA_LONG, at + B) == b
        && chunk.get(JAVA_INT, at + C) == c;
  }

  /** The writer's: finds a key's entry or makes one, without a version. */
  long findOrAdd(Key key) {
    long a = a(key);
    long b = b(key);
    int c = c(key);
    long found = find(a, b, c);
    return found != NONE ? found : add(a, b, c);
  }

  private long add(long a, long b, int c) {
    long count = slots.byteSize() / SLOT_SIZE_BYTES;
    if (keyCount >= count / 2) {
      grow();
    }
    long entry = entries.allocate(ENTRY_SIZE_BYTES);
    MemorySegment chunk = entries.chunk(entry);
    long at = OffHeapLog.offset(entry);
    chunk.set(JAVA_LONG, at + A, a);
    chunk.set(JAVA_LONG, at + B, b);
    chunk.set(JAVA_INT, at + C, c);
    chunk.set(JAVA_INT, at + VERSIONS, 0);
    chunk.set(JAVA_LONG, at + NEWEST, OffHeapLog.NONE);
    insert(slots, hash(a, b, c), entry);
    keyCount++;
    return entry;
  }

  private void grow() {
    long count = slots.byteSize() / SLOT_SIZE_BYTES;
    Invariant.check(count < SLOTS_MAX, "an open layer of %d keys", keyCount);
    MemorySegment grown = newSlots((int) count * 2);
    forEach(entry -> insert(grown, hash(getA(entry), getB(entry), getC(entry)), entry));
    slots = grown;
  }

  private static void insert(MemorySegment table, long hash, long entry) {
    long mask = table.byteSize() / SLOT_SIZE_BYTES - 1;
    long slot = hash & mask;
    while (table.get(JAVA_LONG, slot * SLOT_SIZE_BYTES) != 0) {
      slot = (slot + 1) & mask;
    }
    LONG.setRelease(table, slot * SLOT_SIZE_BYTES, hash >>> 32 << 32 | entry >>> 3);
  }

  /** Does something with the entry of each key, in the order in which they came. */
  interface EntryAction {
    void accept(long entry);
  }

  /** The writer's, or anyone's once nothing is written any more. */
  void forEach(EntryAction action) {
    for (int i = 0; i < entries.chunkCount(); i++) {
      long end = entries.endPosition(i);
      for (long at = OffHeapLog.firstPosition(i); at < end; at += ENTRY_SIZE_BYTES) {
        action.accept(at);
      }
    }
  }

  /** Position of the newest version of an entry. */
  long newest(long entry) {
    return (long) LONG.getAcquire(entries.chunk(entry), OffHeapLog.offset(entry) + NEWEST);
  }

  /** The writer's: publishes one more version of an entry, of that LSN, as its newest. */
  void addVersion(long entry, long version, long lsn) {
    setNewest(entry, version, lsn, 1);
  }

  /** The writer's: takes the newest version away, before which there was that one, or none. */
  void removeVersion(long entry, long older, long olderLsn) {
    setNewest(entry, older, olderLsn, -1);
  }

  private void setNewest(long entry, long version, long lsn, int change) {
    MemorySegment chunk = entries.chunk(entry);
    long at = OffHeapLog.offset(entry);
    chunk.set(JAVA_INT, at + VERSIONS, chunk.get(JAVA_INT, at + VERSIONS) + change);
    chunk.set(JAVA_LONG, at + NEWEST_LSN, lsn);
    LONG.setRelease(chunk, at + NEWEST, version);
  }

  /** The writer's: LSN of the newest version of an entry that has one. */
  long newestLsn(long entry) {
    return entries.chunk(entry).get(JAVA_LONG, OffHeapLog.offset(entry) + NEWEST_LSN);
  }

  /** Tablespace (or what the key's kind has there) and database. */
  long getA(long entry) {
    return entries.chunk(entry).get(JAVA_LONG, OffHeapLog.offset(entry) + A);
  }

  /** Relation and block. */
  long getB(long entry) {
    return entries.chunk(entry).get(JAVA_LONG, OffHeapLog.offset(entry) + B);
  }

  /** Kind and fork. */
  int getC(long entry) {
    return entries.chunk(entry).get(JAVA_INT, OffHeapLog.offset(entry) + C);
  }

  Key key(long entry) {
    long a = getA(entry);
    long b = getB(entry);
    int c = getC(entry);
    return new Key(c >>> 8, (int) (a >>> 32), (int) a, (int) (b >>> 32), c & 0xFF, (int) b);
  }

  /** The writer's, or anyone's once nothing is written any more: how many an entry has. */
  int versions(long entry) {
    return entries.chunk(entry).get(JAVA_INT, OffHeapLog.offset(entry) + VERSIONS);
  }

  /** For one thread, once nothing is written any more: see {@link #placeBefore}. */
  void setPlace(long entry, int place) {
    entries.chunk(entry).set(JAVA_INT, OffHeapLog.offset(entry) + PLACE, place);
  }

  /** The place before the last one that was set or given. */
  int placeBefore(long entry) {
    MemorySegment chunk = entries.chunk(entry);
    long at = OffHeapLog.offset(entry) + PLACE;
    int place = chunk.get(JAVA_INT, at) - 1;
    chunk.set(JAVA_INT, at, place);
    return place;
  }

  int keyCount() {
    return keyCount;
  }

  long usedBytes() {
    return entries.usedBytes() + slotBytes;
  }
}
