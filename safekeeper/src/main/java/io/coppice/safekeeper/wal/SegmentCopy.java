package io.coppice.safekeeper.wal;

import static io.coppice.safekeeper.wal.BlockChecksum.BLOCK_SIZE_BYTES;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Copies committed WAL of one segment, each block checked on the way: what comes out is what was
 * acknowledged, or nothing does. May run beside the writer.
 */
public final class SegmentCopy {
  private final WalSegments segments;
  private final LogShare share;
  private final Lsn start;

  SegmentCopy(WalSegments segments, LogShare share, Lsn start) {
    this.segments = segments;
    this.share = share;
    this.start = start;
  }

  /** Size of the file of checksums of a segment. */
  public static int checksumsSizeBytes(int segmentSizeBytes) {
    return ChecksumFile.sizeBytes(segmentSizeBytes / BLOCK_SIZE_BYTES);
  }

  /**
   * Copies a segment from its beginning. What is before the timeline's start is zeros.
   *
   * @param end of what is copied: at most the end of the segment; committed
   * @param into is made or replaced
   * @return what the file of its checksums is to be: the same on every safekeeper
   * @throws StorageException.Corrupt if a block is damaged
   * @throws StorageException.NotFound if the segment is not here any more
   */
  public byte[] copy(Lsn end, Path into) throws StorageException, IOException {
    long number = segments.numberOf(end.plus(-1));
    byte[] checksums = ChecksumFile.empty(segments, number);
    ByteBuffer entries = ByteBuffer.wrap(checksums).order(ByteOrder.LITTLE_ENDIAN);
    int blockCount = (int) Math.ceilDiv(end.minus(segments.startOf(number)), BLOCK_SIZE_BYTES);
    try (BlockReader blocks = new BlockReader(segments, share);
        FileChannel out =
            FileChannel.open(
                into,
                StandardOpenOption.CREATE,
                StandardOpenOption.TRUNCATE_EXISTING,
                StandardOpenOption.WRITE)) {
      for (int first = 0; first < blockCount; first += BlockReader.BATCH_BLOCKS) {
        int count = Math.min(BlockReader.BATCH_BLOCKS, blockCount - first);
        if (!blocks.load(number, first, count)) {
          throw new StorageException.NotFound("%s is not here".formatted(segments.path(number)));
        }
        for (int i = 0; i < count; i++) {
          int length = (int) Math.min(BLOCK_SIZE_BYTES, end.minus(blocks.block(i)));
          entries.position(ChecksumFile.offsetOf(first + i));
          copyBlock(blocks, i, length, entries, out);
        }
      }
    } catch (StorageException.Corrupt damage) {
      if (end.isAtOrBefore(share.keptFrom())) {
        throw new StorageException.NotFound("WAL up to %s is removed here".formatted(end));
      }
      throw damage;
    }
    return checksums;
  }

  private void copyBlock(BlockReader blocks, int i, int length, ByteBuffer entries, FileChannel out)
      throws StorageException.Corrupt, IOException {
    Lsn block = blocks.block(i);
    byte[] bytes = blocks.bytes();
    int offset = i * BLOCK_SIZE_BYTES;
    if (block.plus(length).isAtOrBefore(start)) {
      Channels.write(out, ByteBuffer.allocate(length), out.position());
      out.position(out.position() + length);
      return;
    }
    try {
      blocks.check(i, length);
    } catch (StorageException.Corrupt damage) {
      share.markDamaged(block, String.valueOf(damage.getMessage()));
      throw damage;
    }
    int crc = BlockChecksum.crcOf(block, bytes, offset, length);
    new BlockChecksum(crc, length, length).encode(block, entries);
    Channels.write(out, ByteBuffer.wrap(bytes, offset, length), out.position());
    out.position(out.position() + length);
  }
}
