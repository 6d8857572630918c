package io.coppice.safekeeper.wal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.testsupport.Seeded;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class FileWalStoreTest {
  private static final int SEGMENT = 1 << 20;
  private static final Lsn START = new Lsn(5L * SEGMENT + 8192 + 24 + 400);

  @TempDir Path directory;
  private TestLog log;
  private WalSegments segments;

  @BeforeEach
  void prepare() {
    log = new TestLog(directory.resolve("wal"), SEGMENT, START);
    segments = log.segments();
  }

  private FileWalStore open(Lsn from) throws Exception {
    return log.open(from);
  }

  @Test
  void keepsTheStreamAsItIsInSegmentsNamedAsPostgresNamesThem() throws Exception {
    log.append(400, 9_000, 1);
    try (FileWalStore store = open(START)) {
      log.write(store, 0, log.length());
      assertThat(store.flushLsn()).isEqualTo(START);
      store.flush();
      assertThat(store.flushLsn()).isEqualTo(log.ends().getLast());
    }
    assertThat(log.stored(START.plus(log.length()))).isEqualTo(log.stream());
    assertThat(segments.path(5)).hasFileName("000000010000000000000005").hasSize(SEGMENT);
    try (FileWalStore again = open(START)) {
      assertThat(again.flushLsn()).isEqualTo(log.ends().getLast());
      assertThat(again.writeLsn()).isEqualTo(log.ends().getLast());
    }
  }

  /** What is written once is 16 MiB less to write for each segment, but only where that counts. */
  @Test
  void zerosSegmentsAheadOnlyWhereSyncsAreSmall() {
    WalSegments usual = new WalSegments(directory, 16 << 20);
    assertThat(usual.blocksAfter(0, 0)).isEqualTo(WalSegments.Blocks.ZEROED);
    assertThat(usual.blocksAfter(16 << 20, 65)).isEqualTo(WalSegments.Blocks.ZEROED);
    assertThat(usual.blocksAfter(16 << 20, 64)).isEqualTo(WalSegments.Blocks.RESERVED);
    WalSegments small = new WalSegments(directory, 32 << 10);
    assertThat(small.blocksAfter(32 << 10, 5)).isEqualTo(WalSegments.Blocks.ZEROED);
    assertThat(small.blocksAfter(32 << 10, 4)).isEqualTo(WalSegments.Blocks.RESERVED);
  }

  @Test
  void reservedSegmentsReadAsZeros() throws Exception {
    segments.create(5, WalSegments.Blocks.RESERVED);
    assertThat(Files.readAllBytes(segments.path(5))).isEqualTo(new byte[SEGMENT]);
  }

  @Test
  void countsOnlyWholeRecordsAndCutsTheRestWhenOpened() throws Exception {
    log.append(50, 3_000, 2);
    Lsn whole = log.ends().get(48);
    int part = (int) log.ends().getLast().minus(START) - 5;
    try (FileWalStore store = open(START)) {
      log.write(store, 0, part);
      store.flush();
      assertThat(store.flushLsn()).isEqualTo(whole);
      assertThat(store.writeLsn()).isEqualTo(START.plus(part));
      log.write(store, part, log.length());
      store.flush();
      assertThat(store.flushLsn()).isEqualTo(log.ends().getLast());
      store.truncate(log.ends().get(10));
      log.write(store, (int) log.ends().get(10).minus(START), part);
      store.flush();
    }
    try (FileWalStore again = open(START)) {
      assertThat(again.writeLsn()).isEqualTo(whole);
    }
    assertZeroBehind(whole);
  }

  @Test
  void goesOnBehindTheCutWithOtherRecords() throws Exception {
    log.append(300, 9_000, 3);
    Lsn cut = log.ends().get(20);
    try (FileWalStore store = open(START)) {
      log.write(store, 0, log.length());
      store.flush();
      store.truncate(cut);
      assertThat(segments.list()).hasSize(1);
      assertZeroBehind(cut);
      log.cut(cut);
      log.append(3, 500, 4);
      log.write(store, (int) cut.minus(START), log.length());
      store.flush();
    }
    try (FileWalStore again = open(cut)) {
      assertThat(again.flushLsn()).isEqualTo(log.ends().getLast());
    }
    assertThat(log.stored(log.ends().getLast())).isEqualTo(log.stream());
    assertZeroBehind(log.ends().getLast());
  }

  /**
   * Power is lost while the bytes behind the cut are being overwritten: any of them may be left.
   */
  @Seeded(tries = 25)
  void neverJoinsCutWalAfterACutThatWasInterrupted(long seed) throws Exception {
    SplittableRandom random = new SplittableRandom(seed);
    log.append(250, 9_000, seed);
    Lsn cut = log.ends().get(20 + random.nextInt(20));
    byte[] before;
    try (FileWalStore store = open(START)) {
      log.write(store, 0, log.length());
      store.flush();
      before = Files.readAllBytes(segments.path(5));
      store.truncate(cut);
    }
    int offset = segments.offsetIn(cut);
    for (int block = offset; block < SEGMENT; block += 512) {
      if (random.nextBoolean()) {
        Arrays.fill(before, block, Math.min(SEGMENT, block + 512), (byte) 0);
      }
    }
    Files.write(segments.path(5), before);
    Lsn end;
    try (FileWalStore again = open(START)) {
      end = again.flushLsn();
      assertThat(end).isGreaterThanOrEqualTo(cut);
      assertThat(log.ends()).contains(end);
      assertZeroBehind(end);
    }
  }

  @Test
  void passesOverThePaddingBehindASwitchOfSegments() throws Exception {
    log.append(5, 100, 5);
    Lsn next = log.appendSwitch();
    log.append(5, 100, 6);
    try (FileWalStore store = open(START)) {
      int boundary = (int) new Lsn(6L * SEGMENT).minus(START);
      log.write(store, 0, boundary - 4_000);
      store.flush();
      assertThat(store.flushLsn()).isLessThanOrEqualTo(store.writeLsn());
      log.write(store, boundary - 4_000, log.length());
      store.flush();
      assertThat(next).isEqualTo(new Lsn(6L * SEGMENT));
      assertThat(store.flushLsn()).isEqualTo(log.ends().getLast());
    }
    try (FileWalStore again = open(log.ends().get(2))) {
      assertThat(again.flushLsn()).isEqualTo(log.ends().getLast());
    }
  }

  @Test
  void refusesWhatIsNoWalAndGoesOnOnceItIsCut() throws Exception {
    log.append(10, 100, 7);
    try (FileWalStore store = open(START)) {
      log.write(store, 0, log.length());
      store.flush();
      byte[] noise = new byte[1_000];
      Arrays.fill(noise, (byte) 0x55);
      assertThatThrownBy(() -> store.write(store.writeLsn(), ByteBuffer.wrap(noise)))
          .isInstanceOf(StorageException.Corrupt.class);
      store.flush();
      assertThat(store.flushLsn()).isEqualTo(log.ends().getLast());
      store.truncate(log.ends().getLast());
      log.append(10, 100, 8);
      log.write(store, (int) store.writeLsn().minus(START), log.length());
      store.flush();
      assertThat(store.flushLsn()).isEqualTo(log.ends().getLast());
    }
  }

  @Test
  void refusesToOpenWithoutASegmentOfCommittedWal() throws Exception {
    log.append(600, 9_000, 9);
    try (FileWalStore store = open(START)) {
      log.write(store, 0, log.length());
      store.flush();
    }
    Files.delete(segments.path(6));
    assertThatThrownBy(() -> open(log.ends().getLast()))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining("000000010000000000000006 is missing");
  }

  @Test
  void refusesASegmentOfAnotherLength() throws Exception {
    log.append(10, 100, 10);
    try (FileWalStore store = open(START)) {
      log.write(store, 0, log.length());
      store.flush();
    }
    try (RandomAccessFile file = new RandomAccessFile(segments.path(5).toFile(), "rw")) {
      file.setLength(SEGMENT - 1);
    }
    assertThatThrownBy(() -> open(START))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining("expected 1048576 bytes, found 1048575");
  }

  @Test
  void clearsAwayASegmentThatWasHalfCreated() throws Exception {
    Files.createDirectories(directory.resolve("wal"));
    Path half = directory.resolve("wal").resolve("000000010000000000000005.tmp");
    Files.write(half, new byte[10]);
    try (FileWalStore store = open(START)) {
      assertThat(half).doesNotExist();
      assertThat(store.writeLsn()).isEqualTo(START);
    }
  }

  private void assertZeroBehind(Lsn end) throws Exception {
    long number = segments.numberOf(end);
    if (!segments.exists(number)) {
      return;
    }
    byte[] bytes = Files.readAllBytes(segments.path(number));
    int offset = segments.offsetIn(end);
    assertThat(Arrays.mismatch(bytes, offset, SEGMENT, new byte[SEGMENT], offset, SEGMENT))
        .isNegative();
    assertThat(segments.list().tailSet(number + 1)).hasSizeLessThanOrEqualTo(1);
  }
}
