package io.coppice.pageserver.cache;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * Which pages the slots of a stripe have: a hash table with chains. Most of it is not in the
 * processor's caches when it is asked, so all that is known of a slot is in one line of these, and
 * there are no objects:
 *
 * <pre>
 *  0  owner, high, low  (3 x 8 bytes)
 * 24  first and last LSN (2 x 8 bytes)
 * 40  kind               (4 bytes)
 * 44  next of the chain  (4 bytes)
 * 48  was read           (1 byte)
 * </pre>
 *
 * <p>Guarded by its stripe's monitor, but for what {@link Stripe#touch} looks at.
 */
final class SlotTable {
  static final int NONE = -1;

  private static final int LINE_SIZE_BYTES = 64;

  /** Most that a slot takes: its line, and two heads of chains. */
  static final int SLOT_SIZE_BYTES = LINE_SIZE_BYTES + 2 * Integer.BYTES;

  private static final int HIGH = 8;
  private static final int LOW = 16;
  private static final int FROM = 24;
  private static final int TO = 32;
  private static final int KIND = 40;
  private static final int NEXT = 44;
  private static final int WAS_READ = 48;

  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;
  private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
  private static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;

  private final int[] heads;
  private final MemorySegment lines;

  SlotTable(int capacity, Arena arena) {
    heads = new int[Integer.highestOneBit(Math.max(1, capacity)) * 2];
    Arrays.fill(heads, NONE);
    lines = arena.allocate((long) capacity * LINE_SIZE_BYTES, LINE_SIZE_BYTES);
  }

  /** The slot of the newest page that begins at or before an LSN, or none. */
  int newest(PageKey key, long lsn) {
    int best = NONE;
    for (int slot = heads[bucket(key)]; slot != NONE; slot = next(slot)) {
      if (Long.compareUnsigned(from(slot), lsn) <= 0
          && isOf(slot, key)
          && (best == NONE || Long.compareUnsigned(from(slot), from(best)) > 0)) {
        best = slot;
      }
    }
    return best;
  }

  /** The slot where a key's chain begins, or none: most often the only one. */
  int first(PageKey key) {
    return heads[bucket(key)];
  }

  /** The slot of the page that begins at an LSN, or none. */
  int at(PageKey key, long from) {
    int slot = heads[bucket(key)];
    while (slot != NONE && !(from(slot) == from && isOf(slot, key))) {
      slot = next(slot);
    }
    return slot;
  }

  /** A slot that is in no chain gets a page, which was not read yet. */
  void link(int slot, PageKey key) {
    long line = line(slot);
    lines.set(LONG, line, key.owner());
    lines.set(LONG, line + HIGH, key.high());
    lines.set(LONG, line + LOW, key.low());
    lines.set(INT, line + KIND, key.kind());
    int bucket = bucket(key);
    lines.set(INT, line + NEXT, heads[bucket]);
    setWasRead(slot, false);
    heads[bucket] = slot;
  }

  void unlink(int slot) {
    long line = line(slot);
    PageKey key =
        new PageKey(
            lines.get(LONG, line),
            lines.get(LONG, line + HIGH),
            lines.get(LONG, line + LOW),
            lines.get(INT, line + KIND));
    int bucket = bucket(key);
    if (heads[bucket] == slot) {
      heads[bucket] = next(slot);
      return;
    }
    int before = heads[bucket];
    while (next(before) != slot) {
      before = next(before);
    }
    lines.set(INT, line(before) + NEXT, next(slot));
  }

  long from(int slot) {
    return lines.get(LONG, line(slot) + FROM);
  }

  long to(int slot) {
    return lines.get(LONG, line(slot) + TO);
  }

  void setRange(int slot, long from, long to) {
    lines.set(LONG, line(slot) + FROM, from);
    lines.set(LONG, line(slot) + TO, to);
  }

  boolean wasRead(int slot) {
    return lines.get(BYTE, line(slot) + WAS_READ) != 0;
  }

  void setWasRead(int slot, boolean wasRead) {
    lines.set(BYTE, line(slot) + WAS_READ, (byte) (wasRead ? 1 : 0));
  }

  private boolean isOf(int slot, PageKey key) {
    long line = line(slot);
    return lines.get(LONG, line + LOW) == key.low()
        && lines.get(LONG, line + HIGH) == key.high()
        && lines.get(LONG, line) == key.owner()
        && lines.get(INT, line + KIND) == key.kind();
  }

  private int next(int slot) {
    return lines.get(INT, line(slot) + NEXT);
  }

  private int bucket(PageKey key) {
    return (int) key.hash() & (heads.length - 1);
  }

  private static long line(int slot) {
    return (long) slot * LINE_SIZE_BYTES;
  }
}
