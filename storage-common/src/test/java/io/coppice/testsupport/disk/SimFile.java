package io.coppice.testsupport.disk;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.random.RandomGenerator;

/**
 * The contents of a file: as programs see them, and as they would be after a loss of power. Blocks
 * that are the same are shared; one that was never written, or holds only zeros, is null.
 */
@SuppressWarnings("ReferenceEquality") // whether a block is shared is what the comparisons ask
final class SimFile implements SimNode {
  static final int SECTOR_SIZE_BYTES = 512;
  private static final int BLOCK_SIZE_BYTES = 8192;
  private static final byte[] ZEROS = new byte[BLOCK_SIZE_BYTES];

  private byte[][] cached = new byte[0][];
  private byte[][] durable = new byte[0][];

  /** Written, and dropped by a sync that failed: nothing but a new write makes it durable. */
  private final Set<Integer> dropped = new HashSet<>();

  private long cachedSize;
  private long durableSize;

  long size() {
    return cachedSize;
  }

  /** Reads into all that {@code into} has room for; -1 at the end of the file. */
  int read(ByteBuffer into, long position) {
    return read(cached, cachedSize, into, position);
  }

  /** As {@link #read}, of what would be left after a loss of power. */
  int readDurable(ByteBuffer into, long position) {
    return read(durable, durableSize, into, position);
  }

  private static int read(byte[][] blocks, long size, ByteBuffer into, long position) {
    if (position >= size) {
      return into.hasRemaining() ? -1 : 0;
    }
    int count = (int) Math.min(into.remaining(), size - position);
    int done = 0;
    while (done < count) {
      long at = position + done;
      int block = (int) (at / BLOCK_SIZE_BYTES);
      int offset = (int) (at % BLOCK_SIZE_BYTES);
      int length = Math.min(count - done, BLOCK_SIZE_BYTES - offset);
      into.put(blockOf(blocks, block), offset, length);
      done += length;
    }
    return count;
  }

  private static byte[] blockOf(byte[][] blocks, int block) {
    return block < blocks.length ? blocks[block] : ZEROS;
  }

  int write(ByteBuffer from, long position) {
    int count = from.remaining();
    reserve(position + count);
    int done = 0;
    while (done < count) {
      long at = position + done;
      int block = (int) (at / BLOCK_SIZE_BYTES);
      int offset = (int) (at % BLOCK_SIZE_BYTES);
      int length = Math.min(count - done, BLOCK_SIZE_BYTES - offset);
      writeInBlock(from, block, offset, length);
      done += length;
    }
    cachedSize = Math.max(cachedSize, position + count);
    return count;
  }

  private void writeInBlock(ByteBuffer from, int block, int offset, int length) {
    dropped.remove(block);
    byte[] bytes = cached[block];
    if (length == BLOCK_SIZE_BYTES || bytes == ZEROS) {
      ByteBuffer part = from.slice(from.position(), length);
      if (part.mismatch(ByteBuffer.wrap(ZEROS, 0, length)) < 0) {
        cached[block] = ZEROS;
        from.position(from.position() + length);
        return;
      }
    }
    if (bytes == ZEROS || bytes == blockOf(durable, block)) {
      bytes = bytes.clone();
      cached[block] = bytes;
    }
    from.get(bytes, offset, length);
  }

  private void reserve(long size) {
    int blocks = (int) ((size + BLOCK_SIZE_BYTES - 1) / BLOCK_SIZE_BYTES);
    if (blocks > cached.length) {
      int before = cached.length;
      cached = Arrays.copyOf(cached, Math.max(blocks, 2 * before));
      Arrays.fill(cached, before, cached.length, ZEROS);
    }
  }

  void truncate(long size) {
    if (size >= cachedSize) {
      return;
    }
    ByteBuffer zeros = ByteBuffer.wrap(ZEROS);
    long position = size;
    while (position < cachedSize) {
      long inBlock = BLOCK_SIZE_BYTES - position % BLOCK_SIZE_BYTES;
      zeros.clear().limit((int) Math.min(inBlock, cachedSize - position));
      position += write(zeros, position);
    }
    cachedSize = size;
  }

  void sync() {
    byte[][] before = durable;
    durable = cached.clone();
    durableSize = cachedSize;
    for (int block : dropped) {
      durable[block] = blockOf(before, block);
    }
  }

  /**
   * A sync that fails leaves what was written in the cache, and forgets that it has yet to be
   * written out: the next sync succeeds and does nothing for it.
   */
  void failSync() {
    for (int block = 0; block < cached.length; block++) {
      if (cached[block] != blockOf(durable, block)) {
        dropped.add(block);
      }
    }
  }

  /** Flips a bit of what is stored: what is in the cache and what is below it. */
  void flip(long position, int bit) {
    flip(cached, position, bit);
    flip(durable, position, bit);
  }

  private static void flip(byte[][] blocks, long position, int bit) {
    int block = (int) (position / BLOCK_SIZE_BYTES);
    if (block < blocks.length) {
      blocks[block] = blocks[block].clone();
      blocks[block][(int) (position % BLOCK_SIZE_BYTES)] ^= (byte) (1 << bit);
    }
  }

  /** Of what was not synced, each sector is kept or lost by {@code loss}. */
  @Override
  public void losePower(Loss loss) {
    if (cachedSize != durableSize && !loss.keeps()) {
      long lostSize = durableSize;
      truncate(lostSize);
      reserve(lostSize);
      cachedSize = lostSize;
    }
    for (int block = 0; block < cached.length; block++) {
      byte[] before = blockOf(durable, block);
      if (cached[block] != before) {
        cached[block] = torn(before, cached[block], loss);
      }
    }
    dropped.clear();
    sync();
  }

  private static byte[] torn(byte[] before, byte[] written, Loss loss) {
    byte[] mixed = before.clone();
    for (int at = 0; at < BLOCK_SIZE_BYTES; at += SECTOR_SIZE_BYTES) {
      if (loss.keeps()) {
        System.arraycopy(written, at, mixed, at, SECTOR_SIZE_BYTES);
      }
    }
    return Arrays.equals(mixed, ZEROS) ? ZEROS : mixed;
  }

  /** How much of what was not synced a loss of power takes. */
  record Loss(RandomGenerator random, int percentKept) {
    boolean keeps() {
      return random.nextInt(100) < percentKept;
    }
  }
}
