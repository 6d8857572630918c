package io.coppice.pageserver.cache;

import io.coppice.common.id.Lsn;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Cleaner;
import java.util.Arrays;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A part of the page cache with a lock of its own: slots for pages, found by a hash table with
 * chains. A new page goes where the hand of a clock finds one that was not read since it last came
 * by; one that is never read again goes first.
 */
final class Stripe {
  /** Of a page, and what belongs to it here. */
  static final int SLOT_SIZE_BYTES = 8192 + 96;

  private static final int PAGE_SIZE_BYTES = 8192;
  private static final int CHUNK_PAGES = 64;
  private static final int NONE = -1;
  private static final Cleaner CLEANER = Cleaner.create();

  private final int capacity;
  private final int[] heads;
  private final int[] next;
  private final @Nullable PageKey[] keys;
  private final long[] froms;
  private final long[] tos;
  private final boolean[] wasRead;

  // Not one of automatic arenas: those count as direct buffers, of which a JVM has a limited
  // amount.
  private final Arena arena = Arena.ofShared();

  /** Pages of slots, as many as were ever needed. */
  private final @Nullable MemorySegment[] chunks;

  private int count;
  private int hand;

  Stripe(int capacity) {
    this.capacity = capacity;
    heads = new int[Integer.highestOneBit(Math.max(1, capacity)) * 2];
    Arrays.fill(heads, NONE);
    next = new int[capacity];
    keys = new PageKey[capacity];
    froms = new long[capacity];
    tos = new long[capacity];
    wasRead = new boolean[capacity];
    chunks = new MemorySegment[(capacity + CHUNK_PAGES - 1) / CHUNK_PAGES];
    // Readers may be under way when the cache is not needed any more. Each holds this one's
    // monitor.
    Cleaner.Cleanable _ = CLEANER.register(this, arena::close);
  }

  synchronized int count() {
    return count;
  }

  /** See {@link PageCache#find}. */
  synchronized @Nullable CachedPage find(PageKey key, long lsn, Supplier<byte[]> buffers) {
    int best = NONE;
    for (int slot = heads[bucket(key)]; slot != NONE; slot = next[slot]) {
      if (Long.compareUnsigned(froms[slot], lsn) <= 0
          && key.equals(keys[slot])
          && (best == NONE || Long.compareUnsigned(froms[slot], froms[best]) > 0)) {
        best = slot;
      }
    }
    if (best == NONE) {
      return null;
    }
    wasRead[best] = true;
    byte[] page = buffers.get();
    MemorySegment.copy(chunk(best), ValueLayout.JAVA_BYTE, offset(best), page, 0, PAGE_SIZE_BYTES);
    return new CachedPage(page, new Lsn(froms[best]), new Lsn(tos[best]));
  }

  /** See {@link PageCache#put}. */
  synchronized void put(PageKey key, long from, long to, byte[] page, long replaced) {
    int there = slot(key, from);
    if (there != NONE) {
      extend(there, to);
      return;
    }
    int slot = replaced == 0 ? NONE : slot(key, replaced);
    if (slot == NONE) {
      slot = count < capacity ? count++ : evict();
      keys[slot] = key;
      wasRead[slot] = false;
      next[slot] = heads[bucket(key)];
      heads[bucket(key)] = slot;
    }
    froms[slot] = from;
    tos[slot] = to;
    MemorySegment.copy(page, 0, chunk(slot), ValueLayout.JAVA_BYTE, offset(slot), PAGE_SIZE_BYTES);
  }

  /** See {@link PageCache#extend}. */
  synchronized void extend(PageKey key, long from, long to) {
    int slot = slot(key, from);
    if (slot != NONE) {
      extend(slot, to);
    }
  }

  private void extend(int slot, long to) {
    if (Long.compareUnsigned(to, tos[slot]) > 0) {
      tos[slot] = to;
    }
  }

  private int slot(PageKey key, long from) {
    int slot = heads[bucket(key)];
    while (slot != NONE && !(froms[slot] == from && key.equals(keys[slot]))) {
      slot = next[slot];
    }
    return slot;
  }

  private int bucket(PageKey key) {
    return (int) key.hash() & (heads.length - 1);
  }

  private int evict() {
    while (wasRead[hand]) {
      wasRead[hand] = false;
      hand = (hand + 1) % capacity;
    }
    int slot = hand;
    hand = (hand + 1) % capacity;
    unlink(slot);
    return slot;
  }

  private void unlink(int slot) {
    int bucket = bucket(Objects.requireNonNull(keys[slot]));
    if (heads[bucket] == slot) {
      heads[bucket] = next[slot];
      return;
    }
    int before = heads[bucket];
    while (next[before] != slot) {
      before = next[before];
    }
    next[before] = next[slot];
  }

  private MemorySegment chunk(int slot) {
    MemorySegment chunk = chunks[slot / CHUNK_PAGES];
    if (chunk == null) {
      int pages = Math.min(CHUNK_PAGES, capacity - slot / CHUNK_PAGES * CHUNK_PAGES);
      chunk = arena.allocate((long) pages * PAGE_SIZE_BYTES);
      chunks[slot / CHUNK_PAGES] = chunk;
    }
    return chunk;
  }

  private static long offset(int slot) {
    return (long) (slot % CHUNK_PAGES) * PAGE_SIZE_BYTES;
  }
}
