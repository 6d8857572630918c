package io.coppice.pageserver.cache;

import io.coppice.common.id.Lsn;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A part of the page cache with a lock of its own. A new page goes where the hand of a clock finds
 * one that was not read since it last came by; one that is never read again goes first.
 */
final class Stripe {
  private static final int PAGE_SIZE_BYTES = 8192;

  /** Of a page, and what belongs to it here. */
  static final int SLOT_SIZE_BYTES = PAGE_SIZE_BYTES + SlotTable.SLOT_SIZE_BYTES;

  private static final int CHUNK_PAGES = 64;
  private static final int SYSTEM_PAGE_SIZE_BYTES = 4096;
  private static final Cleaner CLEANER = Cleaner.create();

  private final int capacity;

  // Not one of automatic arenas: those count as direct buffers, of which a JVM has a limited
  // amount.
  private final Arena arena = Arena.ofShared();
  private final SlotTable slots;

  /** Pages of slots, as many as were ever needed. */
  private final @Nullable MemorySegment[] chunks;

  private int count;
  private int hand;

  Stripe(int capacity) {
    this.capacity = capacity;
    slots = new SlotTable(capacity, arena);
    chunks = new MemorySegment[(capacity + CHUNK_PAGES - 1) / CHUNK_PAGES];
    // Readers may be under way when the cache is not needed any more. Each holds this one, most by
    // its monitor.
    Cleaner.Cleanable _ = CLEANER.register(this, arena::close);
  }

  synchronized int count() {
    return count;
  }

  /** See {@link PageCache#find}. */
  synchronized @Nullable CachedPage find(PageKey key, long lsn, Supplier<byte[]> buffers) {
    int slot = slots.newest(key, lsn);
    if (slot == SlotTable.NONE) {
      return null;
    }
    slots.setWasRead(slot, true);
    byte[] page = buffers.get();
    MemorySegment.copy(chunk(slot), ValueLayout.JAVA_BYTE, offset(slot), page, 0, PAGE_SIZE_BYTES);
    return new CachedPage(page, new Lsn(slots.from(slot)), new Lsn(slots.to(slot)));
  }

  /** See {@link PageCache#touch}. */
  int touch(PageKey key) {
    try {
      int slot = slots.first(key);
      MemorySegment chunk = slot == SlotTable.NONE ? null : chunks[slot / CHUNK_PAGES];
      if (chunk == null) {
        return 0;
      }
      // The processor fetches what follows by itself, but not beyond a page of the system.
      return (slots.wasRead(slot) ? 1 : 0)
          + chunk.get(ValueLayout.JAVA_BYTE, offset(slot))
          + chunk.get(ValueLayout.JAVA_BYTE, offset(slot) + SYSTEM_PAGE_SIZE_BYTES);
    } finally {
      Reference.reachabilityFence(this);
    }
  }

  /** See {@link PageCache#put}. */
  synchronized void put(PageKey key, long from, long to, byte[] page, long replaced) {
    int there = slots.at(key, from);
    if (there != SlotTable.NONE) {
      extendTo(there, to);
      return;
    }
    int slot = replaced == 0 ? SlotTable.NONE : slots.at(key, replaced);
    if (slot == SlotTable.NONE) {
      slot = count < capacity ? count++ : evict();
      slots.link(slot, key);
    }
    slots.setRange(slot, from, to);
    MemorySegment.copy(page, 0, chunk(slot), ValueLayout.JAVA_BYTE, offset(slot), PAGE_SIZE_BYTES);
  }

  /** See {@link PageCache#extend}. */
  synchronized void extend(PageKey key, long from, long to) {
    int slot = slots.at(key, from);
    if (slot != SlotTable.NONE) {
      extendTo(slot, to);
    }
  }

  private void extendTo(int slot, long to) {
    if (Long.compareUnsigned(to, slots.to(slot)) > 0) {
      slots.setRange(slot, slots.from(slot), to);
    }
  }

  private int evict() {
    while (slots.wasRead(hand)) {
      slots.setWasRead(hand, false);
      hand = (hand + 1) % capacity;
    }
    int slot = hand;
    hand = (hand + 1) % capacity;
    slots.unlink(slot);
    return slot;
  }

  private MemorySegment chunk(int slot) {
    MemorySegment chunk = chunks[slot / CHUNK_PAGES];
    if (chunk == null) {
      int pages = Math.min(CHUNK_PAGES, capacity - slot / CHUNK_PAGES * CHUNK_PAGES);
      chunk = arena.allocate((long) pages * PAGE_SIZE_BYTES, SYSTEM_PAGE_SIZE_BYTES);
      chunks[slot / CHUNK_PAGES] = chunk;
    }
    return chunk;
  }

  private static long offset(int slot) {
    return (long) (slot % CHUNK_PAGES) * PAGE_SIZE_BYTES;
  }
}
