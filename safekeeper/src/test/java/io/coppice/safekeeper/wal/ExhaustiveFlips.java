package io.coppice.safekeeper.wal;

import static io.coppice.safekeeper.wal.BlockChecksum.BLOCK_SIZE_BYTES;
import static io.coppice.safekeeper.wal.BlockChecksum.ENTRY_SIZE_BYTES;
import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every bit of a segment of 16 MiB and of the file of its checksums, flipped one at a time: {@code
 * make flips}. The check is the one that all reads go through, on the block in memory.
 */
final class ExhaustiveFlips {
  private static final int SEGMENT = 16 << 20;
  private static final Lsn START = new Lsn(5L * SEGMENT + 40);

  @TempDir Path directory;

  @Test
  void findsEveryFlippedBit() throws Exception {
    TestLog log = new TestLog(directory.resolve("wal"), SEGMENT, START);
    while (log.length() < 2 * SEGMENT) {
      log.append(500, 9_000, log.length());
    }
    log.writeAll();
    byte[] segment = Files.readAllBytes(log.segments().path(6));
    byte[] checksums = Files.readAllBytes(log.segments().checksumPath(6));
    long begun = System.nanoTime();
    LongAdder flips = new LongAdder();
    LongAdder missed = new LongAdder();
    IntStream.range(0, SEGMENT / BLOCK_SIZE_BYTES)
        .parallel()
        .forEach(block -> {
          missed.add(missedInBlock(log.segments(), segment, checksums, block));
          flips.add(BLOCK_SIZE_BYTES * 8L);
        });
    report("bits of a segment", flips.sum(), missed.sum(), begun);
    assertThat(flips.sum()).isEqualTo(SEGMENT * 8L);
    assertThat(missed.sum()).isZero();

    begun = System.nanoTime();
    Path file = log.segments().checksumPath(6);
    missed.reset();
    for (long bit = 0; bit < checksums.length * 8L; bit++) {
      TestLog.flip(file, bit);
      missed.add(isReadable(log, bit) ? 1 : 0);
      TestLog.flip(file, bit);
    }
    report("bits of its checksums", checksums.length * 8L, missed.sum(), begun);
    assertThat(missed.sum()).isZero();
  }

  private static long missedInBlock(
      WalSegments segments, byte[] segment, byte[] checksums, int index) {
    Lsn block = segments.startOf(6).plus((long) index * BLOCK_SIZE_BYTES);
    ByteBuffer entry = ChecksumFile.newBuffer(1);
    entry.put(0, checksums, ChecksumFile.offsetOf(index), ENTRY_SIZE_BYTES);
    BlockChecksum checksum = decode(block, entry).orElseThrow();
    byte[] bytes = new byte[BLOCK_SIZE_BYTES];
    System.arraycopy(segment, index * BLOCK_SIZE_BYTES, bytes, 0, BLOCK_SIZE_BYTES);
    assertThat(checksum.problemOf(block, bytes, 0)).isNull();
    long missed = 0;
    for (int bit = 0; bit < BLOCK_SIZE_BYTES * 8; bit++) {
      bytes[bit / 8] ^= (byte) (1 << bit % 8);
      if (checksum.agrees(block, bytes, 0)) {
        missed++;
      }
      bytes[bit / 8] ^= (byte) (1 << bit % 8);
    }
    return missed;
  }

  private static Optional<BlockChecksum> decode(Lsn block, ByteBuffer entry) {
    try {
      return BlockChecksum.decode(block, entry, 0);
    } catch (BlockChecksum.DamagedEntry impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  /** Whether the block of that entry, or of a header's first, can be read. */
  private static boolean isReadable(TestLog log, long bit) throws IOException {
    long index = Math.max(0, bit / 8 - ChecksumFile.offsetOf(0)) / ENTRY_SIZE_BYTES;
    Lsn block = log.segments().startOf(6).plus(index * BLOCK_SIZE_BYTES);
    try (WalReader reader = log.newReader()) {
      reader.read(block, ByteBuffer.allocate(BLOCK_SIZE_BYTES));
      return true;
    } catch (StorageException.Corrupt found) {
      return false;
    } catch (StorageException unexpected) {
      throw new IllegalStateException(unexpected);
    }
  }

  private static void report(String what, long flips, long missed, long begun) {
    Duration took = Duration.ofNanos(System.nanoTime() - begun);
    System.out.printf(
        "%s: %,d flipped one at a time, %,d not found, %d s%n",
        what, flips, missed, took.toSeconds());
  }
}
