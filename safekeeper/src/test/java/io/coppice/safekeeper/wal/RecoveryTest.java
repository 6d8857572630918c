package io.coppice.safekeeper.wal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.testsupport.Seeded;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A torn tail is cut off when the log is opened; damage is refused. */
final class RecoveryTest {
  private static final int SEGMENT = 1 << 20;
  private static final Lsn START = new Lsn(5L * SEGMENT + 8192 + 24 + 400);

  @TempDir Path directory;
  private TestLog log;
  private WalSegments segments;

  @BeforeEach
  void prepare() {
    log = new TestLog(directory.resolve("wal"), SEGMENT, START);
    segments = log.segments();
    log.append(300, 9_000, 1);
  }

  private Path segmentOf(Lsn lsn) {
    return segments.path(segments.numberOf(lsn));
  }

  private Path checksumsOf(Lsn lsn) {
    return segments.checksumPath(segments.numberOf(lsn));
  }

  /** The mutant that takes the first bad block for the end of the log, and votes. */
  @Seeded(tries = 20)
  void refusesADurableBitThatChangedBehindTheCommitLsn(long seed) throws Exception {
    log.writeAll();
    Lsn end = log.ends().getLast();
    SplittableRandom random = new SplittableRandom(seed);
    Lsn commit = log.ends().get(random.nextInt(log.ends().size() - 1));
    Lsn at = commit.plus(random.nextLong(end.minus(commit)));
    TestLog.flip(segmentOf(at), segments.offsetIn(at) * 8L + random.nextInt(8));
    assertThatThrownBy(() -> log.open(commit))
        .as("commit %s, flipped at %s", commit, at)
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining(segmentOf(at) + ", offset ");
  }

  /**
   * Power was lost before the checksums were synced, so any sectors of them are gone; a record
   * before one that is known to be durable has changed.
   */
  @Seeded(tries = 10)
  void refusesDamageBelowWhatAnyChecksumKnowsOf(long seed) throws Exception {
    log.writeAll();
    SplittableRandom random = new SplittableRandom(seed);
    Lsn commit = log.ends().get(5 + random.nextInt(20));
    Lsn at = log.ends().get(100).plus(24 + random.nextInt(100));
    int offset = segments.offsetIn(commit) / 8192 * 16 + 32 + 16;
    int to = segments.offsetIn(at) / 8192 * 16 + 32 + 16;
    TestLog.lose(checksumsOf(at), offset, to - offset);
    TestLog.flip(segmentOf(at), segments.offsetIn(at) * 8L + random.nextInt(8));
    assertThatThrownBy(() -> log.open(commit))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining("but was durable up to " + log.ends().getLast());
  }

  @Seeded(tries = 10)
  void makesChecksumsAnewThatWereNotSynced(long seed) throws Exception {
    log.writeAll();
    SplittableRandom random = new SplittableRandom(seed);
    Lsn commit = log.ends().get(random.nextInt(200));
    Lsn afterCommit = BlockChecksum.blockOf(commit).plus(8192);
    for (long number = segments.numberOf(afterCommit); number <= 6; number++) {
      int first =
          number == segments.numberOf(afterCommit) ? segments.offsetIn(afterCommit) / 8192 : 0;
      int size = 32 + segments.blocks() * 16;
      for (int offset = 32 + first * 16; offset < size; ) {
        int next = Math.min(size, (offset / 512 + 1) * 512);
        if (random.nextBoolean()) {
          TestLog.lose(segments.checksumPath(number), offset, next - offset);
        }
        offset = next;
      }
    }
    try (FileWalStore store = log.open(commit)) {
      assertThat(store.flushLsn()).isEqualTo(log.ends().getLast());
      assertThat(log.stored(store.flushLsn())).isEqualTo(log.stream());
    }
  }

  @Test
  void refusesWhenTheCommittedPartOfABlockHasNoChecksum() throws Exception {
    log.writeAll();
    Lsn commit = log.ends().get(100);
    TestLog.lose(checksumsOf(commit), 32 + segments.offsetIn(commit) / 8192 * 16, 16);
    assertThatThrownBy(() -> log.open(commit))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining("expected a checksum of");
  }

  /** What was written and not synced is lost in any sectors, and was never acknowledged. */
  @Seeded(tries = 10)
  void cutsATornTail(long seed) throws Exception {
    SplittableRandom random = new SplittableRandom(seed);
    int flushed = 20 + random.nextInt(100);
    Lsn durable = log.ends().get(flushed);
    int part = random.nextInt(7);
    try (FileWalStore store = log.open(START)) {
      log.write(store, 0, log.indexOf(durable) + part);
      store.flush();
      assertThat(store.flushLsn()).isEqualTo(durable);
      log.write(store, log.indexOf(durable) + part, log.indexOf(log.ends().get(flushed + 30)));
    }
    for (long number : segments.list()) {
      byte[] bytes = Files.readAllBytes(segments.path(number));
      int from = number == segments.numberOf(durable) ? segments.offsetIn(durable) + part : 0;
      if (number < segments.numberOf(durable)) {
        continue;
      }
      for (int sector = from; sector < SEGMENT; sector += 512) {
        if (random.nextBoolean()) {
          Arrays.fill(bytes, sector, Math.min(SEGMENT, sector + 512), (byte) 0);
        }
      }
      Files.write(segments.path(number), bytes);
    }
    Lsn end;
    try (FileWalStore store = log.open(log.ends().get(random.nextInt(flushed)))) {
      end = store.flushLsn();
      assertThat(end).isGreaterThanOrEqualTo(durable);
      log.write(store, log.indexOf(end), log.length());
      store.flush();
      assertThat(log.stored(log.ends().getLast())).isEqualTo(log.stream());
    }
    log.open(end).close();
  }

  /** The log is cut and goes on otherwise; at any moment before, it may have ended. */
  @Seeded(tries = 10)
  void keepsChecksumsInStepWithCuts(long seed) throws Exception {
    SplittableRandom random = new SplittableRandom(seed);
    try (FileWalStore store = log.open(START)) {
      for (int round = 0; round < 6; round++) {
        log.write(store, log.indexOf(store.writeLsn()), log.length());
        store.flush();
        Lsn cut = log.ends().get(random.nextInt(log.ends().size()));
        store.truncate(cut);
        log.cut(cut);
        assertThat(log.stored(cut)).isEqualTo(log.stream());
        log.append(1 + random.nextInt(100), 9_000, seed + round);
      }
      log.write(store, log.indexOf(store.writeLsn()), log.length());
      store.flush();
    }
    Lsn end = log.ends().getLast();
    try (FileWalStore again = log.open(log.ends().get(random.nextInt(log.ends().size())))) {
      assertThat(again.flushLsn()).isEqualTo(end);
    }
    assertThat(log.stored(end)).isEqualTo(log.stream());
  }

  /** The first step of a cut, while the WAL is still there: any sector of it may be durable. */
  @Seeded(tries = 10)
  void opensTheWholeLogWhileOnlyItsChecksumsAreCut(long seed) throws Exception {
    SplittableRandom random = new SplittableRandom(seed);
    Lsn cut = log.ends().get(20 + random.nextInt(100));
    Map<Path, byte[]> before = new HashMap<>();
    Map<Path, byte[]> after = new HashMap<>();
    try (FileWalStore store = log.open(START)) {
      log.write(store, 0, log.length());
      store.flush();
      for (long number : segments.list()) {
        before.put(segments.path(number), Files.readAllBytes(segments.path(number)));
        before.put(
            segments.checksumPath(number), Files.readAllBytes(segments.checksumPath(number)));
      }
      store.truncate(cut);
      after.put(segments.checksumPath(5), Files.readAllBytes(segments.checksumPath(5)));
    }
    for (Map.Entry<Path, byte[]> file : before.entrySet()) {
      byte[] bytes = file.getValue();
      byte[] cutBytes = after.getOrDefault(file.getKey(), bytes);
      for (int sector = 0; sector < bytes.length; sector += 512) {
        if (random.nextBoolean()) {
          int length = Math.min(512, bytes.length - sector);
          System.arraycopy(cutBytes, sector, bytes, sector, length);
        }
      }
      Files.write(file.getKey(), bytes);
    }
    try (FileWalStore store = log.open(log.ends().get(random.nextInt(20)))) {
      assertThat(store.flushLsn()).isEqualTo(log.ends().getLast());
    }
    assertThat(log.stored(log.ends().getLast())).isEqualTo(log.stream());
  }

  @Test
  void refusesToCutInADamagedBlockAndChangesNothing() throws Exception {
    Lsn cut = log.ends().get(50);
    try (FileWalStore store = log.open(START)) {
      log.write(store, 0, log.length());
      store.flush();
      TestLog.flip(segmentOf(cut), segments.offsetIn(cut) * 8L - 1);
      assertThatThrownBy(() -> store.truncate(cut)).isInstanceOf(StorageException.Corrupt.class);
      assertThat(store.flushLsn()).isEqualTo(log.ends().getLast());
      TestLog.flip(segmentOf(cut), segments.offsetIn(cut) * 8L - 1);
      assertThat(log.stored(store.flushLsn())).isEqualTo(log.stream());
      store.truncate(cut);
      assertThat(store.flushLsn()).isEqualTo(cut);
    }
  }
}
