package io.coppice.safekeeper.wal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.safekeeper.consensus.AcceptorState;
import io.coppice.testsupport.Seeded;
import io.coppice.testsupport.disk.DiskFaults;
import io.coppice.testsupport.disk.SimDisk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;

/** What is left of checksums when power is lost, of any sectors that were not synced. */
final class PowerLossTest {
  private static final int SEGMENT = 1 << 20;
  private static final Lsn START = new Lsn(5L * SEGMENT + 40);

  private final SimDisk disk = new SimDisk();
  private final Path timeline = disk.root().resolve("timeline");
  private final TestLog log = new TestLog(timeline.resolve("wal"), SEGMENT, START);

  private TimelineStorage open() throws Exception {
    return TimelineStorage.open(timeline, Runnable::run, new LogShare()).orElseThrow();
  }

  /** Writes and flushes all there is, and persists half of it as committed. */
  private Lsn fill(SplittableRandom random) throws Exception {
    log.append(200, 9_000, random.nextLong());
    AcceptorState initial = AcceptorState.initial(log.properties(), 0);
    Lsn commitLsn = Lsn.INVALID;
    TimelineStorage storage =
        TimelineStorage.create(timeline, initial, Runnable::run, new LogShare());
    for (int at = 0; at < log.length(); ) {
      int count = Math.min(log.length() - at, 1 + random.nextInt(60_000));
      storage.wal().write(START.plus(at), ByteBuffer.wrap(log.stream(), at, count));
      storage.wal().flush();
      at += count;
      if (!commitLsn.isValid() && at > log.length() / 2) {
        commitLsn = storage.wal().flushLsn();
        storage
            .stateStore()
            .persist(
                new AcceptorState(initial.properties(), 0, 1, initial.history(), commitLsn, START));
      }
    }
    disk.losePower(random, random.nextInt(101));
    return commitLsn;
  }

  @Seeded(tries = 30)
  void belowThePersistedCommitLsnEveryBlockHasItsChecksum(long seed) throws Exception {
    Lsn commitLsn = fill(new SplittableRandom(seed));
    assertThat(log.stored(commitLsn)).isEqualTo(copy(commitLsn));
  }

  @Seeded(tries = 30)
  void whatWasAcknowledgedIsStillThere(long seed) throws Exception {
    fill(new SplittableRandom(seed));
    try (TimelineStorage storage = open()) {
      assertThat(storage.wal().flushLsn()).isEqualTo(log.ends().getLast());
      assertThat(log.stored(log.ends().getLast())).isEqualTo(log.stream());
    }
  }

  @Seeded(tries = 30)
  void noDamageBelowThePersistedCommitLsnIsServed(long seed) throws Exception {
    SplittableRandom random = new SplittableRandom(seed);
    Lsn commitLsn = fill(random);
    Lsn at = START.plus(random.nextLong(commitLsn.minus(START)));
    WalSegments segments = log.segments();
    disk.flip(segments.path(segments.numberOf(at)), segments.offsetIn(at), random.nextInt(8));
    try (WalReader reader = log.newReader()) {
      assertThatThrownBy(() -> reader.read(at, ByteBuffer.allocate(1)))
          .isInstanceOf(StorageException.Corrupt.class);
    }
  }

  @Seeded(tries = 30)
  void noSegmentComesBackWithoutItsChecksums(long seed) throws Exception {
    WalSegments segments = log.segments();
    long first = segments.numberOf(START);
    segments.create(first, WalSegments.Blocks.ZEROED);
    segments.create(first + 1, WalSegments.Blocks.ZEROED);
    disk.setFaults((operation, path) -> {
      if (operation == DiskFaults.Operation.SYNC_DIRECTORY) {
        throw new IOException("Input/output error");
      }
    });
    assertThatThrownBy(() -> segments.deleteAfter(first)).isInstanceOf(IOException.class);
    assertThatThrownBy(() ->
            FileWalStore.open(
                segments, log.properties(), START, START, Runnable::run, new LogShare()))
        .isInstanceOf(IOException.class);
    disk.setFaults(DiskFaults.NONE);
    disk.losePower(new SplittableRandom(seed), 50);
    assertThat(!segments.exists(first + 1) || Files.exists(segments.checksumPath(first + 1)))
        .isTrue();
  }

  private byte[] copy(Lsn end) {
    return Arrays.copyOf(log.stream(), log.indexOf(end));
  }
}
