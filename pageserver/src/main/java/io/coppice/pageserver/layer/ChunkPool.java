package io.coppice.pageserver.layer;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Large chunks of off-heap memory that go from one {@link OpenLayer} to the next. Memory that is
 * new to the process is filled with zeros twice, page by page: that costs more than all that is
 * done to put WAL into it.
 *
 * <p>What is lent belongs to the arena of the borrower: when that is closed, uses of the memory
 * fail, as of any memory of the arena, and it comes back here. Chunks that have been of no use for
 * a while go back to the system. Thread safe.
 */
final class ChunkPool implements AutoCloseable {
  static final long CHUNK_SIZE_BYTES = 1L << 25;

  private static final long ALIGNMENT_BYTES = 8;

  /** Longer than it takes to write the layers that came before out of memory. */
  static final long IDLE_MILLIS_MAX = 30_000;

  /** The one that came back last is at the end. */
  private final Deque<IdleChunk> idle = new ArrayDeque<>();

  private long nowMillis;
  private boolean closed;

  private record Chunk(Arena owner, MemorySegment memory) {}

  private record IdleChunk(Chunk chunk, long sinceMillis) {}

  /** Lends a chunk, whose contents may be anything, until the arena is closed. */
  MemorySegment lend(Arena borrower) {
    MemorySegment lent = lendIdle(borrower);
    if (lent != null) {
      return lent;
    }
    Arena owner = Arena.ofShared();
    return lend(new Chunk(owner, owner.allocate(CHUNK_SIZE_BYTES, ALIGNMENT_BYTES)), borrower);
  }

  /** As {@link #lend}, but null if none is idle. */
  @Nullable MemorySegment lendIdle(Arena borrower) {
    IdleChunk last;
    synchronized (this) {
      last = idle.pollLast();
    }
    return last == null ? null : lend(last.chunk(), borrower);
  }

  // Restricted because a wrong size would be dangerous; here there is none.
  @SuppressWarnings("restricted")
  private MemorySegment lend(Chunk chunk, Arena borrower) {
    return chunk.memory().reinterpret(borrower, _ -> giveBack(chunk));
  }

  private void giveBack(Chunk chunk) {
    synchronized (this) {
      if (!closed) {
        idle.addLast(new IdleChunk(chunk, nowMillis));
        return;
      }
    }
    chunk.owner().close();
  }

  /** Tells the time, and frees what has been idle for too long. */
  void setNow(long millis) {
    List<IdleChunk> freed = new ArrayList<>();
    synchronized (this) {
      nowMillis = millis;
      while (!idle.isEmpty() && millis - idle.getFirst().sinceMillis() > IDLE_MILLIS_MAX) {
        freed.add(idle.removeFirst());
      }
    }
    freed.forEach(chunk -> chunk.chunk().owner().close());
  }

  /** Frees what is idle; what is lent is freed when it comes back. */
  @Override
  public void close() {
    List<IdleChunk> freed;
    synchronized (this) {
      closed = true;
      freed = List.copyOf(idle);
      idle.clear();
    }
    freed.forEach(chunk -> chunk.chunk().owner().close());
  }
}
