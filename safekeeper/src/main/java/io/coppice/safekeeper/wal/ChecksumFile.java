package io.coppice.safekeeper.wal;

import static io.coppice.safekeeper.wal.BlockChecksum.BLOCK_SIZE_BYTES;
import static io.coppice.safekeeper.wal.BlockChecksum.ENTRY_SIZE_BYTES;

import io.coppice.common.error.StorageException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * The file beside a segment with a checksum for each of its blocks, version 1. Little endian.
 *
 * <pre>
 *   0          8           12          16           24          28        32
 *   +----------+-----------+-----------+------------+-----------+---------+--------------------
 *   | magic    | version   | block     | LSN of the | segment   | zero    | an entry for each
 *   | 8        | u32 = 1   | size u32  | segment u64| size u32  | u32     | block, 16 bytes each
 *   +----------+-----------+-----------+------------+-----------+---------+--------------------
 * </pre>
 *
 * <p>All of the header is known beforehand, so it is compared and needs no checksum. The entries
 * are {@link BlockChecksum}s. None of them crosses a sector, so a torn write leaves each as it was
 * or as it should be.
 */
final class ChecksumFile implements AutoCloseable {
  private static final byte[] MAGIC = {'C', 'O', 'P', 'S', 'K', 'C', 'R', 'C'};
  private static final int VERSION = 1;
  private static final int HEADER_SIZE_BYTES = 32;

  private final Path path;
  private final FileChannel channel;

  private ChecksumFile(Path path, FileChannel channel) {
    this.path = path;
    this.channel = channel;
  }

  /** What the file of a new segment holds. */
  static byte[] empty(WalSegments segments, long number) {
    byte[] header = header(segments, number);
    return ByteBuffer.allocate(sizeBytes(segments.blocks())).put(header).array();
  }

  /** Of a segment of so many blocks. */
  static int sizeBytes(int blocks) {
    return HEADER_SIZE_BYTES + blocks * ENTRY_SIZE_BYTES;
  }

  private static byte[] header(WalSegments segments, long number) {
    return ByteBuffer.allocate(HEADER_SIZE_BYTES)
        .order(ByteOrder.LITTLE_ENDIAN)
        .put(MAGIC)
        .putInt(VERSION)
        .putInt(BLOCK_SIZE_BYTES)
        .putLong(segments.startOf(number).value())
        .putInt(segments.sizeBytes())
        .putInt(0)
        .array();
  }

  /** Room for some entries, in the right order of bytes. */
  static ByteBuffer newBuffer(int blocks) {
    return ByteBuffer.allocate(blocks * ENTRY_SIZE_BYTES).order(ByteOrder.LITTLE_ENDIAN);
  }

  /** Where in the file the entry of a block is. */
  static int offsetOf(int block) {
    return HEADER_SIZE_BYTES + block * ENTRY_SIZE_BYTES;
  }

  /**
   * Opens the file of a segment that is there.
   *
   * @throws StorageException.Corrupt if it is missing or not what it should be
   */
  static ChecksumFile openForReading(WalSegments segments, long number)
      throws StorageException.Corrupt, IOException {
    Path path = segments.checksumPath(number);
    FileChannel channel;
    try {
      channel = FileChannel.open(path, StandardOpenOption.READ);
    } catch (NoSuchFileException missing) {
      throw new StorageException.Corrupt(
          "%s is missing, which has the checksums of %s"
              .formatted(path, segments.path(number).getFileName()),
          missing);
    }
    boolean good = false;
    try {
      check(path, channel, header(segments, number), sizeBytes(segments.blocks()));
      good = true;
    } finally {
      if (!good) {
        channel.close();
      }
    }
    return new ChecksumFile(path, channel);
  }

  private static void check(Path path, FileChannel channel, byte[] expected, int sizeBytes)
      throws StorageException.Corrupt, IOException {
    if (channel.size() != sizeBytes) {
      throw new StorageException.Corrupt(
          "%s: expected %d bytes, found %d".formatted(path, sizeBytes, channel.size()));
    }
    ByteBuffer header = ByteBuffer.allocate(HEADER_SIZE_BYTES);
    Channels.read(path, channel, header, 0);
    byte[] actual = header.array();
    for (int i = 0; i < HEADER_SIZE_BYTES; i++) {
      if (actual[i] != expected[i]) {
        throw new StorageException.Corrupt(
            "%s, offset %d: expected %02x, found %02x".formatted(path, i, expected[i], actual[i]));
      }
    }
  }

  /** Opens the file of a segment to write entries; what is in it is not looked at. */
  static ChecksumFile openForWriting(WalSegments segments, long number) throws IOException {
    Path path = segments.checksumPath(number);
    return new ChecksumFile(
        path, FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE));
  }

  Path path() {
    return path;
  }

  /** Reads entries, as many as {@code into} has room for. */
  void read(int firstBlock, ByteBuffer into) throws StorageException.Corrupt, IOException {
    Channels.read(path, channel, into, offsetOf(firstBlock));
  }

  void write(int firstBlock, ByteBuffer entries) throws IOException {
    Channels.write(channel, entries, offsetOf(firstBlock));
  }

  void force() throws IOException {
    channel.force(false);
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
