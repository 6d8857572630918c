package io.coppice.pageserver.layer;

import io.coppice.common.error.Invariant;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * Append-only off-heap memory made of chunks that never move. One writer; readers may use any
 * position that was handed to them with a release.
 *
 * <p>A position is the chunk's number in its high bits and the offset in the low 25. Chunks grow
 * from 64 KiB, so that an idle branch costs little, to 32 MiB, which come from a pool.
 */
final class OffHeapLog {
  /** Never a position. */
  static final long NONE = 0;

  /** Most bytes of one allocation. */
  static final int ALLOCATION_SIZE_BYTES_MAX = (1 << 25) - 8;

  private static final int CHUNK_SHIFT = Long.numberOfTrailingZeros(ChunkPool.CHUNK_SIZE_BYTES);
  private static final long OFFSET_MASK = (1L << CHUNK_SHIFT) - 1;
  private static final long CHUNK_SIZE_BYTES_MAX = ChunkPool.CHUNK_SIZE_BYTES;
  private static final int CHUNKS_MAX = 1 << 10;
  private static final long FIRST_CHUNK_SIZE_BYTES = 1 << 16;
  private static final int ALIGNMENT_BYTES = 8;

  /** A chunk of at least that size is replaced by an idle one of the pool, if there is any. */
  private static final long POOLED_SIZE_BYTES_MIN = 2 << 20;

  private final Arena arena;
  private final ChunkPool pool;
  private volatile MemorySegment[] chunks = new MemorySegment[0];

  // The writer's own; used[i] is final for all chunks but the last.
  private long[] usedBytes = new long[0];
  private long totalBytes;

  OffHeapLog(Arena arena, ChunkPool pool) {
    this.arena = arena;
    this.pool = pool;
  }

  /** Room for that many bytes, in one piece, aligned to 8. */
  long allocate(long sizeBytes) {
    Invariant.check(sizeBytes <= ALLOCATION_SIZE_BYTES_MAX, "allocation of %d bytes", sizeBytes);
    long rounded = (sizeBytes + ALIGNMENT_BYTES - 1) & -ALIGNMENT_BYTES;
    int last = usedBytes.length - 1;
    if (last < 0 || usedBytes[last] + rounded > chunks[last].byteSize()) {
      addChunk(rounded);
      last++;
    }
    long offset = usedBytes[last];
    usedBytes[last] = offset + rounded;
    totalBytes += rounded;
    return (long) last << CHUNK_SHIFT | offset;
  }

  private void addChunk(long neededBytes) {
    int count = usedBytes.length;
    Invariant.check(count < CHUNKS_MAX, "an open layer of %d chunks", count);
    long sizeBytes = FIRST_CHUNK_SIZE_BYTES << Math.min(count, CHUNK_SHIFT);
    // Position zero means none.
    long start = count == 0 ? ALIGNMENT_BYTES : 0;
    sizeBytes = Math.max(Math.min(sizeBytes, CHUNK_SIZE_BYTES_MAX), neededBytes + start);
    MemorySegment[] grown = Arrays.copyOf(chunks, count + 1);
    grown[count] = newChunk(sizeBytes);
    usedBytes = Arrays.copyOf(usedBytes, count + 1);
    usedBytes[count] = start;
    chunks = grown;
  }

  private MemorySegment newChunk(long sizeBytes) {
    if (sizeBytes == CHUNK_SIZE_BYTES_MAX) {
      return pool.lend(arena);
    }
    MemorySegment idle = sizeBytes < POOLED_SIZE_BYTES_MIN ? null : pool.lendIdle(arena);
    return idle != null ? idle : arena.allocate(sizeBytes, ALIGNMENT_BYTES);
  }

  MemorySegment chunk(long position) {
    return chunks[(int) (position >>> CHUNK_SHIFT)];
  }

  static int chunkNumber(long position) {
    return (int) (position >>> CHUNK_SHIFT);
  }

  static long offset(long position) {
    return position & OFFSET_MASK;
  }

  /** The writer's, or anyone's once nothing is written any more. */
  int chunkCount() {
    return usedBytes.length;
  }

  /** Where the first allocation of a chunk is. */
  static long firstPosition(int chunk) {
    return chunk == 0 ? ALIGNMENT_BYTES : (long) chunk << CHUNK_SHIFT;
  }

  /** Behind the last allocation of a chunk. */
  long endPosition(int chunk) {
    return ((long) chunk << CHUNK_SHIFT) + usedBytes[chunk];
  }

  /** Where the next allocation will be at the earliest. */
  long endPosition() {
    int last = usedBytes.length - 1;
    return last < 0 ? firstPosition(0) : endPosition(last);
  }

  /** Bytes of all allocations. */
  long usedBytes() {
    return totalBytes;
  }
}
