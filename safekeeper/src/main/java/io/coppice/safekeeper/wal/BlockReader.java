package io.coppice.safekeeper.wal;

import static io.coppice.safekeeper.wal.BlockChecksum.BLOCK_SIZE_BYTES;
import static io.coppice.safekeeper.wal.BlockChecksum.ENTRY_SIZE_BYTES;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Reads blocks of WAL beside their checksums, a few at a time, and tells which agree. Everything
 * that reads stored WAL does it with one of these. Not thread safe; may run beside the writer.
 */
final class BlockReader implements AutoCloseable {
  /** So many are read at once. */
  static final int BATCH_BLOCKS = 16;

  private final WalSegments segments;
  private final LogShare share;
  private final byte[] bytes;
  private final ByteBuffer entries = ChecksumFile.newBuffer(BATCH_BLOCKS);

  private long openNumber = -1;
  private @Nullable FileChannel data;
  private @Nullable ChecksumFile checksums;
  private int firstBlock;

  BlockReader(WalSegments segments, LogShare share) {
    this.segments = segments;
    this.share = share;
    this.bytes = new byte[Math.min(BATCH_BLOCKS, segments.blocks()) * BLOCK_SIZE_BYTES];
  }

  /**
   * Reads blocks of one segment.
   *
   * @param count at most {@link #BATCH_BLOCKS}
   * @return false if the segment is not here
   * @throws StorageException.Corrupt if one of the two files is not what it should be
   */
  boolean load(long number, int first, int count) throws StorageException.Corrupt, IOException {
    if (!open(number)) {
      return false;
    }
    firstBlock = first;
    synchronized (share) {
      checksumFile().read(first, entries.clear().limit(count * ENTRY_SIZE_BYTES));
    }
    // The bytes come second: then they are at least those that the checksums are of.
    ByteBuffer into = ByteBuffer.wrap(bytes, 0, count * BLOCK_SIZE_BYTES);
    Channels.read(segments.path(number), dataFile(), into, (long) first * BLOCK_SIZE_BYTES);
    return true;
  }

  private boolean open(long number) throws StorageException.Corrupt, IOException {
    if (checksums != null && openNumber == number) {
      return true;
    }
    close();
    openNumber = number;
    Optional<FileChannel> opened = segments.openForReading(number);
    if (opened.isEmpty()) {
      return false;
    }
    data = opened.get();
    checksums = ChecksumFile.openForReading(segments, number);
    return true;
  }

  private FileChannel dataFile() {
    if (data == null) {
      throw new IllegalStateException("no segment is open");
    }
    return data;
  }

  private ChecksumFile checksumFile() {
    if (checksums == null) {
      throw new IllegalStateException("no segment is open");
    }
    return checksums;
  }

  /** The bytes read; block {@code i} of those asked for begins at {@code i * 8192}. */
  byte[] bytes() {
    return bytes;
  }

  /** Where block {@code i} of those read begins. */
  Lsn block(int i) {
    return segments.startOf(openNumber).plus((long) (firstBlock + i) * BLOCK_SIZE_BYTES);
  }

  /** The stored checksum of block {@code i}; empty if there is none yet. */
  Optional<BlockChecksum> checksum(int i) throws BlockChecksum.DamagedEntry {
    return BlockChecksum.decode(block(i), entries, i * ENTRY_SIZE_BYTES);
  }

  /**
   * The stored checksum of block {@code i}, with which its bytes agree; empty if there is none yet.
   *
   * @throws StorageException.Corrupt naming file, offset, expected and found, if they do not
   */
  Optional<BlockChecksum> checked(int i) throws StorageException.Corrupt {
    Optional<BlockChecksum> checksum;
    try {
      checksum = checksum(i);
    } catch (BlockChecksum.DamagedEntry damage) {
      throw entryProblem(i, damage.problem());
    }
    if (checksum.isPresent()) {
      String problem = checksum.get().problemOf(block(i), bytes, i * BLOCK_SIZE_BYTES);
      if (problem != null) {
        throw new StorageException.Corrupt(
            "%s, offset %d: %s"
                .formatted(
                    segments.path(openNumber), (firstBlock + i) * BLOCK_SIZE_BYTES, problem));
      }
    }
    return checksum;
  }

  /**
   * Checks block {@code i}, of which {@code length} bytes must be covered.
   *
   * @throws StorageException.Corrupt if it is damaged, or no checksum covers so much of it
   */
  void check(int i, int length) throws StorageException.Corrupt {
    int covered = checked(i).map(BlockChecksum::lengthBytes).orElse(0);
    if (covered < length) {
      throw entryProblem(
          i, "expected a checksum of %d bytes, found one of %d".formatted(length, covered));
    }
  }

  private StorageException.Corrupt entryProblem(int i, String problem) {
    return new StorageException.Corrupt(
        "%s, offset %d: %s"
            .formatted(
                segments.checksumPath(openNumber), ChecksumFile.offsetOf(firstBlock + i), problem));
  }

  /** Closes the files; the next call opens them anew. */
  @Override
  public void close() throws IOException {
    FileChannel first = data;
    ChecksumFile second = checksums;
    data = null;
    checksums = null;
    if (first != null) {
      first.close();
    }
    if (second != null) {
      second.close();
    }
  }
}
