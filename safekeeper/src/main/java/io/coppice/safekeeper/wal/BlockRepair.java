package io.coppice.safekeeper.wal;

import static io.coppice.safekeeper.wal.BlockChecksum.BLOCK_SIZE_BYTES;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.safekeeper.consensus.DiskFailure;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.Arrays;
import java.util.Optional;

/**
 * Puts one damaged block of committed WAL right with the bytes that another safekeeper or the
 * object store has. They are written only if they agree with the block's own checksum. If it is the
 * checksum that is damaged, it is made anew if the other's bytes are those that are here.
 */
public final class BlockRepair {
  private final WalSegments segments;
  private final LogShare share;
  private final Lsn start;
  private final Lsn block;
  private final Lsn end;
  private final Optional<BlockChecksum> checksum;
  private final byte[] found;

  /**
   * Looks at the block.
   *
   * @param start where the timeline begins
   * @param commitLsn of what is above nobody knows the right bytes
   * @throws StorageException.Corrupt if there is more wrong than this block
   * @throws StorageException.Precondition if the block is not committed
   */
  BlockRepair(WalSegments segments, LogShare share, Lsn start, Lsn block, Lsn commitLsn)
      throws StorageException, IOException {
    this.segments = segments;
    this.share = share;
    this.start = start;
    this.block = block;
    try (BlockReader blocks = new BlockReader(segments, share)) {
      this.found = load(blocks);
      Optional<BlockChecksum> stored;
      try {
        stored = blocks.checksum(0);
      } catch (BlockChecksum.DamagedEntry damagedToo) {
        stored = Optional.empty();
      }
      this.checksum = stored;
    }
    this.end = block.plus(checksum.map(BlockChecksum::lengthBytes).orElse(BLOCK_SIZE_BYTES));
    if (end.isAfter(commitLsn)) {
      throw new StorageException.Precondition(
          "WAL from %s to %s is not committed yet, so no other safekeeper need have it"
              .formatted(from(), end));
    }
  }

  private byte[] load(BlockReader blocks) throws StorageException.Corrupt, IOException {
    long number = segments.numberOf(block);
    int index = segments.offsetIn(block) / BLOCK_SIZE_BYTES;
    try {
      if (!blocks.load(number, index, 1)) {
        throw new StorageException.Corrupt("%s is missing".formatted(segments.path(number)));
      }
    } catch (IOException unreadable) {
      return new byte[0]; // writing may make it readable again
    }
    return Arrays.copyOf(blocks.bytes(), BLOCK_SIZE_BYTES);
  }

  /** Where the WAL that is needed begins. */
  public Lsn from() {
    return Lsn.max(start, block);
  }

  /** Where it ends. */
  public Lsn to() {
    return end;
  }

  /**
   * Puts the block right, durably.
   *
   * @param wal from {@link #from} to {@link #to}
   * @throws StorageException.Corrupt if that is not what was here; nothing has changed
   * @throws DiskFailure if it cannot be known what is here now
   */
  public void apply(byte[] wal) throws StorageException.Corrupt, DiskFailure {
    int length = (int) end.minus(block);
    int offset = (int) from().minus(block);
    byte[] right = new byte[length];
    if (offset + wal.length != length) {
      throw new StorageException.Corrupt(
          "expected %d bytes of WAL at %s, got %d".formatted(length - offset, from(), wal.length));
    }
    System.arraycopy(wal, 0, right, offset, wal.length);
    share.removal().lock();
    try {
      if (block.isBefore(share.keptFrom())) {
        return; // it is not here any more
      }
      if (checksum.isPresent()) {
        repairBytes(checksum.get(), right);
      } else {
        repairChecksum(right);
      }
      try (BlockReader again = new BlockReader(segments, share)) {
        again.load(segments.numberOf(block), segments.offsetIn(block) / BLOCK_SIZE_BYTES, 1);
        again.check(0, length);
      }
    } catch (IOException e) {
      throw new DiskFailure("cannot repair the block at " + block, e);
    } finally {
      share.removal().unlock();
    }
    share.markWhole(block);
  }

  private void repairBytes(BlockChecksum stored, byte[] right)
      throws StorageException.Corrupt, IOException {
    String problem = stored.problemOf(block, right, 0);
    if (problem != null) {
      throw new StorageException.Corrupt(
          "what the other copy has at %s does not agree with the checksum: %s"
              .formatted(from(), problem));
    }
    try (FileChannel channel = segments.openForWriting(segments.numberOf(block))) {
      Channels.write(channel, ByteBuffer.wrap(right), segments.offsetIn(block));
      channel.force(true);
    }
  }

  private void repairChecksum(byte[] right) throws StorageException.Corrupt, IOException {
    if (!Arrays.equals(right, found)) {
      throw new StorageException.Corrupt(
          "the checksum of the block at %s is damaged, and its bytes are not those of the other"
              .formatted(block));
    }
    int crc = BlockChecksum.crcOf(block, right, 0, right.length);
    ByteBuffer entry = ChecksumFile.newBuffer(1);
    new BlockChecksum(crc, right.length, right.length).encode(block, entry);
    try (ChecksumFile file = ChecksumFile.openForWriting(segments, segments.numberOf(block))) {
      synchronized (share) {
        file.write(segments.offsetIn(block) / BLOCK_SIZE_BYTES, entry.flip());
      }
      file.force();
    }
  }
}
