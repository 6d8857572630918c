package io.coppice.safekeeper.wal;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.platform.DiskSpace;
import io.coppice.common.platform.DurableFiles;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.regex.Pattern;

/**
 * The segment files of one timeline: names, creation, deletion. A segment is named as Postgres
 * names it ({@code XLogFileName}): timeline 1, then the two halves of its number, 8 hexadecimal
 * digits each. It has its full length from the moment it has its name, and a {@link ChecksumFile}
 * from before that moment until after it is deleted.
 */
final class WalSegments {
  private static final HexFormat HEX = HexFormat.of().withUpperCase();
  private static final int POSTGRES_TIMELINE = 1;
  private static final Pattern NAME = Pattern.compile("00000001[0-9A-F]{16}");
  private static final String CHECKSUM_SUFFIX = ".crc";
  private static final String TEMPORARY_SUFFIX = ".tmp";

  /** A sync of so many bytes, or of such a share of a segment, is large. */
  private static final int LARGE_SYNC_SIZE_BYTES = 256 * 1024;

  private static final int LARGE_SYNC_SHARE = 4;
  private static final ByteBuffer ZEROS = ByteBuffer.allocateDirect(1024 * 1024).asReadOnlyBuffer();

  private final Path directory;
  private final int sizeBytes;

  WalSegments(Path directory, int sizeBytes) {
    this.directory = directory;
    this.sizeBytes = sizeBytes;
  }

  int sizeBytes() {
    return sizeBytes;
  }

  /** Blocks of a segment. */
  int blocks() {
    return sizeBytes / BlockChecksum.BLOCK_SIZE_BYTES;
  }

  /** Number of the segment that holds the byte at {@code lsn}. */
  long numberOf(Lsn lsn) {
    return Long.divideUnsigned(lsn.value(), sizeBytes);
  }

  Lsn startOf(long number) {
    return new Lsn(number * sizeBytes);
  }

  int offsetIn(Lsn lsn) {
    return (int) Long.remainderUnsigned(lsn.value(), sizeBytes);
  }

  Path path(long number) {
    long perHalf = 0x1_0000_0000L / sizeBytes;
    // Asked for too often for a format string.
    return directory.resolve(
        HEX.toHexDigits(POSTGRES_TIMELINE)
            + HEX.toHexDigits((int) Long.divideUnsigned(number, perHalf))
            + HEX.toHexDigits((int) Long.remainderUnsigned(number, perHalf)));
  }

  /** The file with the checksums of a segment. */
  Path checksumPath(long number) {
    Path file = path(number);
    return file.resolveSibling(file.getFileName() + CHECKSUM_SUFFIX);
  }

  boolean exists(long number) {
    return Files.exists(path(number));
  }

  /** Numbers of all segments here. */
  SortedSet<Long> list() throws IOException {
    SortedSet<Long> numbers = new TreeSet<>();
    for (Path file : files()) {
      String name = String.valueOf(file.getFileName());
      if (NAME.matcher(name).matches()) {
        long high = Long.parseLong(name.substring(8, 16), 16);
        long low = Long.parseLong(name.substring(16), 16);
        numbers.add(high * (0x1_0000_0000L / sizeBytes) + low);
      }
    }
    return numbers;
  }

  private List<Path> files() throws IOException {
    List<Path> found = new ArrayList<>();
    if (Files.isDirectory(directory)) {
      try (DirectoryStream<Path> files = Files.newDirectoryStream(directory)) {
        files.forEach(found::add);
      } catch (DirectoryIteratorException e) {
        throw e.getCause();
      }
    }
    return found;
  }

  /** Deletes what a creation or a deletion left half done. Not while a segment is created. */
  void clearLeftovers() throws IOException {
    for (Path file : files()) {
      String name = String.valueOf(file.getFileName());
      boolean isOrphan =
          name.endsWith(CHECKSUM_SUFFIX)
              && !Files.exists(
                  directory.resolve(name.substring(0, name.length() - CHECKSUM_SUFFIX.length())));
      if (isOrphan || name.endsWith(TEMPORARY_SUFFIX)) {
        Files.delete(file);
      }
    }
  }

  /** How the blocks of a new segment come by their room; either way they read as zeros. */
  enum Blocks {
    /** They are written: a later sync has nothing to do but to write data. */
    ZEROED,
    /** They are not, where the file system can do that: half as much is written in all. */
    RESERVED
  }

  /**
   * How the next segment is best created, judged by one that so much was written to with so many
   * syncs. A sync has less to do in blocks that were written before; that pays for writing all
   * blocks twice only where syncs are small.
   */
  Blocks blocksAfter(long writtenBytes, int syncs) {
    int largeBytes = Math.min(LARGE_SYNC_SIZE_BYTES, sizeBytes / LARGE_SYNC_SHARE);
    return syncs > 0 && writtenBytes / syncs >= largeBytes ? Blocks.RESERVED : Blocks.ZEROED;
  }

  /**
   * Creates a segment of zeros, unless it is there. It has its room from then on, so that only its
   * creation can find none. The file of its checksums is durable before, so that one that is
   * missing is damage. If this fails it takes up no room.
   */
  void create(long number, Blocks blocks) throws IOException {
    Path file = path(number);
    if (Files.exists(file)) {
      return;
    }
    DurableFiles.createDirectories(directory);
    Path checksums = checksumPath(number);
    Path temporary = DurableFiles.temporaryOf(file);
    try {
      DurableFiles.replace(checksums, ChecksumFile.empty(this, number));
      try (FileChannel channel =
          FileChannel.open(
              temporary,
              StandardOpenOption.CREATE,
              StandardOpenOption.TRUNCATE_EXISTING,
              StandardOpenOption.WRITE)) {
        if (blocks == Blocks.ZEROED || !DiskSpace.reserve(temporary, sizeBytes)) {
          writeZeros(channel, 0, sizeBytes);
        }
        channel.force(true);
      }
    } catch (IOException failure) {
      DiskFull.deleteQuietly(temporary, failure);
      DiskFull.deleteQuietly(DurableFiles.temporaryOf(checksums), failure);
      throw failure;
    }
    DurableFiles.renameDurably(temporary, file);
  }

  /** Makes the names durable that a process before this one may have left in the kernel's cache. */
  void syncNames() throws IOException {
    if (Files.isDirectory(directory)) {
      DurableFiles.syncDirectory(directory);
    }
  }

  static void writeZeros(FileChannel channel, long from, long to) throws IOException {
    ByteBuffer zeros = ZEROS.duplicate();
    long position = from;
    while (position < to) {
      zeros.clear().limit((int) Math.min(zeros.capacity(), to - position));
      position += channel.write(zeros, position);
    }
  }

  FileChannel openForWriting(long number) throws IOException {
    return FileChannel.open(path(number), StandardOpenOption.READ, StandardOpenOption.WRITE);
  }

  /**
   * Opens for reading; empty if it is not there.
   *
   * @throws StorageException.Corrupt if it does not have the length of a segment
   */
  Optional<FileChannel> openForReading(long number) throws StorageException.Corrupt, IOException {
    Path file = path(number);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
    long actual = channel.size();
    if (actual != sizeBytes) {
      channel.close();
      throw new StorageException.Corrupt(
          "%s: expected %d bytes, found %d".formatted(file, sizeBytes, actual));
    }
    return Optional.of(channel);
  }

  /**
   * Deletes the segments before {@code first} with their checksums, oldest first. Nobody needs them
   * to be there, so they may come back after a loss of power, and are deleted again.
   */
  void deleteBefore(long first) throws IOException {
    for (long number : list().headSet(first)) {
      Files.deleteIfExists(path(number));
      Files.deleteIfExists(checksumPath(number));
    }
  }

  /** Deletes the segments after {@code last}, newest first, durably, then their checksums. */
  void deleteAfter(long last) throws IOException {
    SortedSet<Long> later = list().tailSet(last + 1);
    if (later.isEmpty()) {
      return;
    }
    for (long number : new TreeSet<>(later).descendingSet()) {
      Files.delete(path(number));
    }
    DurableFiles.syncDirectory(directory);
    clearLeftovers();
  }

  @Override
  public String toString() {
    return directory.toString();
  }
}
