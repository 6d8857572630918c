package io.coppice.pageserver.layer;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * Large chunks of off-heap memory that go from one {@link OpenLayer} to the next. Memory that is
 * new to the process costs a page fault for every page and is filled with zeros twice; that was a
 * third of the work of the thread that takes in WAL.
 *
 * <p>What is lent belongs to the arena of the borrower: when that is closed, uses of the memory
 * fail, as of any memory of the arena, and it comes back here. A few chunks are kept, others go
 * back to the system. Thread safe.
 */
final class ChunkPool implements AutoCloseable {
  static final long CHUNK_SIZE_BYTES = 1L << 25;

  private static final long ALIGNMENT_BYTES = 8;

  private final int idleMax;
  private final Deque<Chunk> idle = new ArrayDeque<>();
  private boolean closed;

  private record Chunk(Arena owner, MemorySegment memory) {}

  /**
   * An empty pool.
   *
   * @param idleMax chunks that are kept for later
   */
  ChunkPool(int idleMax) {
    this.idleMax = idleMax;
  }

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
    Chunk chunk;
    synchronized (this) {
      chunk = idle.pollLast();
    }
    return chunk == null ? null : lend(chunk, borrower);
  }

  // Restricted because a wrong size would be dangerous; here there is none.
  @SuppressWarnings("restricted")
  private MemorySegment lend(Chunk chunk, Arena borrower) {
    return chunk.memory().reinterpret(borrower, _ -> giveBack(chunk));
  }

  private void giveBack(Chunk chunk) {
    synchronized (this) {
      if (!closed && idle.size() < idleMax) {
        idle.addLast(chunk);
        return;
      }
    }
    chunk.owner().close();
  }

  /** Frees what is idle; what is lent is freed when it comes back. */
  @Override
  public void close() {
    synchronized (this) {
      closed = true;
    }
    while (true) {
      Chunk chunk;
      synchronized (this) {
        chunk = idle.pollLast();
      }
      if (chunk == null) {
        return;
      }
      chunk.owner().close();
    }
  }
}
