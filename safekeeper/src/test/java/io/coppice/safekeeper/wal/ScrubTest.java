package io.coppice.safekeeper.wal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.testsupport.Seeded;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ScrubTest {
  private static final int SEGMENT = 1 << 20;
  private static final int BLOCK = 8192;
  private static final Lsn START = new Lsn(5L * SEGMENT + 8192 + 24 + 400);

  @TempDir Path directory;
  private final LogShare share = new LogShare();
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
  }

  private long scrub() throws Exception {
    try (WalScrub scrub = new WalScrub(segments, share, START, end)) {
      while (!scrub.isDone()) {
        scrub.step();
      }
      return scrub.blocksChecked();
    }
  }

  private void flipAt(Lsn at) throws Exception {
    TestLog.flip(segments.path(segments.numberOf(at)), segments.offsetIn(at) * 8L);
  }

  private void flipChecksumOf(Lsn block) throws Exception {
    TestLog.flip(
        segments.checksumPath(segments.numberOf(block)),
        ChecksumFile.offsetOf(segments.offsetIn(block) / BLOCK) * 8L);
  }

  private BlockRepair repair(Lsn block) throws Exception {
    return new BlockRepair(segments, share, START, block, end);
  }

  /** What another safekeeper has. */
  private byte[] peersBytes(BlockRepair repair) {
    return Arrays.copyOfRange(log.stream(), log.indexOf(repair.from()), log.indexOf(repair.to()));
  }

  @Test
  void findsNothingWrongWithAWholeLog() throws Exception {
    long blocks = Math.ceilDiv(end.minus(BlockChecksum.blockOf(START)), (long) BLOCK);
    assertThat(scrub()).isEqualTo(blocks);
    assertThat(share.damaged()).isEmpty();
  }

  @Seeded(tries = 10)
  void findsAndRepairsWhatIsDamaged(long seed) throws Exception {
    SplittableRandom random = new SplittableRandom(seed);
    for (int i = 0; i < 5; i++) {
      flipAt(START.plus(random.nextLong(end.minus(START))));
    }
    flipAt(START); // the first block, of which not all is WAL
    flipAt(end.plus(-1)); // the last, which is not full
    scrub();
    assertThat(share.damaged()).hasSizeBetween(2, 7);
    for (Lsn block : share.damaged().keySet()) {
      BlockRepair repair = repair(block);
      repair.apply(peersBytes(repair));
    }
    assertThat(share.damaged()).isEmpty();
    assertThat(log.stored(end)).isEqualTo(log.stream());
  }

  @Test
  void writesNothingBackThatDoesNotAgreeWithTheChecksum() throws Exception {
    Lsn block = segments.startOf(6);
    flipAt(block.plus(77));
    scrub();
    byte[] before = Files.readAllBytes(segments.path(6));
    BlockRepair repair = repair(block);
    byte[] wrong = peersBytes(repair);
    wrong[4_000] ^= 1;
    assertThatThrownBy(() -> repair.apply(wrong))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining("does not agree with the checksum: expected CRC32C");
    assertThat(Files.readAllBytes(segments.path(6))).isEqualTo(before);
    assertThat(share.damaged()).containsOnlyKeys(block);
  }

  @Test
  void repairsAChecksumIfTheBytesAreThoseOfThePeer() throws Exception {
    Lsn block = segments.startOf(5).plus(40 * BLOCK);
    flipChecksumOf(block);
    scrub();
    assertThat(share.damaged()).containsOnlyKeys(block);
    BlockRepair repair = repair(block);
    repair.apply(peersBytes(repair));
    assertThat(share.damaged()).isEmpty();
    scrub();
    assertThat(share.damaged()).isEmpty();
  }

  @Test
  void repairsNoBlockOfWhichBytesAndChecksumAreDamaged() throws Exception {
    Lsn block = segments.startOf(5).plus(40 * BLOCK);
    flipChecksumOf(block);
    flipAt(block.plus(5));
    scrub();
    BlockRepair repair = repair(block);
    assertThatThrownBy(() -> repair.apply(peersBytes(repair)))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining("its bytes are not those of the other");
    assertThat(share.damaged()).containsOnlyKeys(block);
  }

  @Test
  void repairsOnlyWhatIsCommitted() throws Exception {
    Lsn block = BlockChecksum.blockOf(end);
    flipAt(block);
    assertThatThrownBy(() -> new BlockRepair(segments, share, START, block, end.plus(-8)))
        .isInstanceOf(StorageException.Precondition.class)
        .hasMessageContaining("is not committed yet");
  }

  @Test
  void goesOnBehindASegmentThatIsMissing() throws Exception {
    flipAt(end.plus(-1));
    Files.delete(segments.path(5));
    scrub();
    assertThat(share.damaged()).containsOnlyKeys(segments.startOf(5), BlockChecksum.blockOf(end));
    assertThat(share.damaged().firstEntry().getValue()).endsWith("0005 is missing");
  }

  @Test
  void remembersWhatAReaderFound() throws Exception {
    flipAt(START.plus(100_000));
    try (WalReader reader = new WalReader(segments, share)) {
      assertThatThrownBy(() -> reader.read(START.plus(100_000), ByteBuffer.allocate(1)))
          .isInstanceOf(StorageException.Corrupt.class);
    }
    assertThat(share.damaged()).containsOnlyKeys(BlockChecksum.blockOf(START.plus(100_000)));
  }
}
