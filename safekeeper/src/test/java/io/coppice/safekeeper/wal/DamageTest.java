package io.coppice.safekeeper.wal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.testsupport.Seeded;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Bits that change on disk are found before a byte of their block is given out. */
final class DamageTest {
  private static final int SEGMENT = 1 << 20;
  private static final int BLOCK = 8192;
  private static final Lsn START = new Lsn(5L * SEGMENT + 8192 + 24 + 400);

  @TempDir Path directory;
  private TestLog log;
  private WalSegments segments;
  private Lsn end;

  @BeforeEach
  void fill() throws Exception {
    log = new TestLog(directory.resolve("wal"), SEGMENT, START);
    segments = log.segments();
    log.append(300, 9_000, 1);
    log.writeAll();
    end = log.ends().getLast();
    assertThat(segments.numberOf(end)).isEqualTo(6);
  }

  private void readBlock(WalReader reader, Lsn block) throws Exception {
    Lsn from = Lsn.max(block, START);
    Lsn to = Lsn.min(block.plus(BLOCK), end);
    reader.read(from, ByteBuffer.allocate((int) to.minus(from)));
  }

  private void assertDamaged(WalReader reader, Lsn block, String what) {
    assertThatThrownBy(() -> readBlock(reader, block))
        .as(what)
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining(directory.toString())
        .hasMessageContaining(", offset ")
        .hasMessageContaining("expected ");
  }

  @Test
  void findsEveryFlippedBitOfABlock() throws Exception {
    Lsn first = BlockChecksum.blockOf(START);
    Lsn middle = first.plus(57L * BLOCK);
    Lsn last = BlockChecksum.blockOf(end);
    for (Lsn block : new Lsn[] {first, middle, last}) {
      int length = (int) Math.min(BLOCK, end.minus(block));
      Path file = segments.path(segments.numberOf(block));
      try (WalReader reader = log.newReader();
          FileChannel channel =
              FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
        for (long bit = 0; bit < length * 8L; bit++) {
          long inFile = segments.offsetIn(block) * 8L + bit;
          TestLog.flip(channel, inFile);
          assertDamaged(reader, block, "block %s, bit %d".formatted(block, bit));
          TestLog.flip(channel, inFile);
        }
        readBlock(reader, block);
      }
    }
  }

  @Test
  void findsEveryFlippedBitOfChecksums() throws Exception {
    Path file = segments.checksumPath(6);
    int blocks = Math.ceilDiv(segments.offsetIn(end), BLOCK);
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      for (long bit = 0; bit < (32 + blocks * 16) * 8L; bit++) {
        Lsn block = segments.startOf(6).plus(Math.max(0, bit / 8 - 32) / 16 * BLOCK);
        TestLog.flip(channel, bit);
        try (WalReader reader = log.newReader()) {
          assertDamaged(reader, block, "bit %d".formatted(bit));
        }
        TestLog.flip(channel, bit);
      }
    }
    assertThat(log.stored(end)).isEqualTo(log.stream());
  }

  @Seeded(tries = 10)
  void servesNothingOfADamagedBlockAndAllOfTheOthers(long seed) throws Exception {
    SplittableRandom random = new SplittableRandom(seed);
    for (int i = 0; i < 20; i++) {
      Lsn at = START.plus(random.nextLong(end.minus(START)));
      Path file = segments.path(segments.numberOf(at));
      long bit = segments.offsetIn(at) * 8L + random.nextInt(8);
      TestLog.flip(file, bit);
      assertServesAllBut(BlockChecksum.blockOf(at), "seed %d at %s".formatted(seed, at));
      TestLog.flip(file, bit);
    }
  }

  private void assertServesAllBut(Lsn damaged, String what) throws Exception {
    try (WalReader reader = log.newReader()) {
      for (Lsn block = BlockChecksum.blockOf(START); block.isBefore(end); ) {
        if (block.equals(damaged)) {
          assertDamaged(reader, block, what);
        } else {
          readBlock(reader, block);
        }
        block = block.plus(BLOCK);
      }
      Lsn before = Lsn.max(START, damaged.plus(-1));
      if (segments.numberOf(before) == segments.numberOf(damaged)) {
        ByteBuffer across = ByteBuffer.allocate(BLOCK + 1);
        assertThatThrownBy(() -> reader.read(before, across))
            .isInstanceOf(StorageException.Corrupt.class);
        assertThat(across.position()).isZero();
      }
    }
  }

  @Test
  void tellsWhatIsWrongAndWhere() throws Exception {
    TestLog.flip(segments.path(6), 3L * BLOCK * 8);
    assertThatThrownBy(() -> log.stored(end))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageMatching(
            ".*000000010000000000000006, offset 24576: expected CRC32C [0-9a-f]{8} over 8192 bytes,"
                + " found [0-9a-f]{8}");
  }

  @Test
  void refusesBlocksInTheWrongPlace() throws Exception {
    byte[] data = Files.readAllBytes(segments.path(5));
    byte[] checksums = Files.readAllBytes(segments.checksumPath(5));
    System.arraycopy(data, 20 * BLOCK, data, 21 * BLOCK, BLOCK);
    Files.write(segments.path(5), data);
    assertThatThrownBy(() -> log.stored(end)).isInstanceOf(StorageException.Corrupt.class);
    System.arraycopy(checksums, 32 + 20 * 16, checksums, 32 + 21 * 16, 16);
    Files.write(segments.checksumPath(5), checksums);
    assertThatThrownBy(() -> log.stored(end)).isInstanceOf(StorageException.Corrupt.class);
  }

  @Test
  void refusesASegmentWithoutItsChecksums() throws Exception {
    Files.delete(segments.checksumPath(6));
    assertThatThrownBy(() -> log.stored(end))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining(
            "000000010000000000000006.crc is missing, which has the checksums of 0000");
    assertThatThrownBy(() -> log.open(START)).isInstanceOf(StorageException.Corrupt.class);
  }

  @Test
  void refusesLostChecksums() throws Exception {
    TestLog.lose(segments.checksumPath(5), 512, 512);
    assertThatThrownBy(() -> log.stored(end))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining("000000010000000000000005.crc, offset 512: expected a checksum of");
  }
}
