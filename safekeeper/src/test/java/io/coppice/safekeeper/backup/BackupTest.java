package io.coppice.safekeeper.backup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.luben.zstd.Zstd;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.objectstore.LocalObjectStore;
import io.coppice.common.objectstore.ObjectInfo;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.WalStreamWriter;
import io.coppice.safekeeper.consensus.AcceptorState;
import io.coppice.safekeeper.consensus.NodeId;
import io.coppice.safekeeper.consensus.Retention;
import io.coppice.safekeeper.consensus.TermHistory;
import io.coppice.safekeeper.consensus.TimelineProperties;
import io.coppice.safekeeper.wal.DataDirectory;
import io.coppice.safekeeper.wal.StagedTimeline;
import io.coppice.safekeeper.wal.TimelineStorage;
import io.coppice.safekeeper.wal.WalReader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class BackupTest {
  private static final int SEGMENT = 32 * 1024;
  private static final long GRACE_MILLIS = 1_000;
  private static final Lsn START = new Lsn(5L * SEGMENT + 8192 + 64);
  private static final TenantTimelineId ID =
      new TenantTimelineId(new TenantId(1, 2), new TimelineId(3, 4));
  private static final TimelineProperties PROPERTIES =
      new TimelineProperties(ID, 15, 42, SEGMENT, START, 2);
  private static final String PREFIX =
      "wal/00000000000000010000000000000002/00000000000000030000000000000004/2/";

  @TempDir private Path root;
  private DataDirectory directory;
  private TimelineStorage storage;
  private ObjectStore store;
  private byte[] wal;
  private Lsn end;

  @BeforeEach
  void write() throws Exception {
    directory = DataDirectory.open(root.resolve("data"), new NodeId(1));
    store = LocalObjectStore.open(root.resolve("objects"), new Random(1));
    storage = directory.createTimeline(AcceptorState.initial(PROPERTIES, 0), Runnable::run);
    WalStreamWriter writer =
        new WalStreamWriter(PostgresVersion.V15, SEGMENT, 42, 1, START, Lsn.INVALID);
    Random random = new Random(7);
    while (writer.position().minus(START) < 3.5 * SEGMENT) {
      writer.append(10, 0, 7, body(random));
    }
    end = writer.position();
    wal = writer.takeBytes();
    storage.wal().write(START, ByteBuffer.wrap(wal));
    storage.wal().flush();
    storage.stateStore().persist(state(START, START));
  }

  @AfterEach
  void close() throws Exception {
    storage.close();
    directory.close();
  }

  private static byte[] body(Random random) {
    byte[] data = new byte[3_000];
    random.nextBytes(data);
    ByteBuffer body = ByteBuffer.allocate(5 + data.length).order(ByteOrder.LITTLE_ENDIAN);
    return body.put((byte) 254).putInt(data.length).put(data).array();
  }

  private static Lsn segment(int number) {
    return new Lsn((long) number * SEGMENT);
  }

  private AcceptorState state(Lsn localStart, Lsn backup) {
    return new AcceptorState(
        PROPERTIES, 0, 1, TermHistory.EMPTY, end, end, new Retention(localStart, backup, backup));
  }

  private SegmentBackup newBackup(long node) {
    return new SegmentBackup(store, storage, new NodeId(node), GRACE_MILLIS);
  }

  /** Until there is nothing to do, or another's turn. */
  private List<Lsn> run(SegmentBackup backup, Lsn from, long nowMillis) throws Exception {
    List<Lsn> done = new ArrayList<>(List.of(from));
    while (true) {
      switch (backup.step(state(START, done.getLast()), nowMillis)) {
        case SegmentBackup.Outcome.Again _ -> {}
        case SegmentBackup.Outcome.BackedUp(Lsn lsn) -> done.add(lsn);
        case SegmentBackup.Outcome.Idle _, SegmentBackup.Outcome.Wait _ -> {
          return done.subList(1, done.size());
        }
      }
    }
  }

  private void uploadAll() throws Exception {
    assertThat(runPatiently(newBackup(1))).containsExactly(segment(6), segment(7), segment(8));
  }

  private List<Lsn> runPatiently(SegmentBackup backup) throws Exception {
    List<Lsn> done = new ArrayList<>();
    for (long now = 0; now < 20 * GRACE_MILLIS; now += GRACE_MILLIS) {
      done.addAll(run(backup, done.isEmpty() ? START : done.getLast(), now));
    }
    return done;
  }

  private Path file(String name) throws Exception {
    try (Stream<Path> files =
        Files.find(root.resolve("data"), 9, (file, _) -> file.endsWith(name))) {
      return files.findFirst().orElseThrow();
    }
  }

  private static void flip(Path file, int offset) throws Exception {
    byte[] bytes = Files.readAllBytes(file);
    bytes[offset] ^= 1;
    Files.delete(file); // it may be a link of another
    Files.write(file, bytes);
  }

  private boolean isExchangeEmpty() throws Exception {
    Path exchange = file("control").resolveSibling("exchange");
    try (Stream<Path> files = Files.list(exchange)) {
      return files.findAny().isEmpty();
    }
  }

  @Test
  void wholeSegmentsGoUpAsPostgresWouldHaveThemWithTheirChecksums() throws Exception {
    uploadAll();
    assertThat(store.list("wal/").stream().map(ObjectInfo::name))
        .containsExactly(
            PREFIX + "000000010000000000000005.crc",
            PREFIX + "000000010000000000000005.zst",
            PREFIX + "000000010000000000000006.crc",
            PREFIX + "000000010000000000000006.zst",
            PREFIX + "000000010000000000000007.crc",
            PREFIX + "000000010000000000000007.zst");
    byte[] first =
        Zstd.decompress(store.get(PREFIX + "000000010000000000000005.zst").orElseThrow(), SEGMENT);
    int offset = (int) START.minus(segment(5));
    assertThat(Arrays.copyOfRange(first, offset, SEGMENT))
        .isEqualTo(Arrays.copyOf(wal, SEGMENT - offset));
    assertThat(Arrays.copyOf(first, offset)).containsOnly(0);
    assertThat(isExchangeEmpty()).isTrue();
  }

  @Test
  void oneOfThreeBringsASegmentAtOnceAndTheOthersLookFirst() throws Exception {
    int atOnce = 0;
    for (int node = 1; node <= 3; node++) {
      atOnce += run(newBackup(node), START, 0).isEmpty() ? 0 : 1;
    }
    assertThat(atOnce).as("those after the first find it there").isBetween(1, 3);
    SegmentBackup late = newBackup(2);
    assertThat(run(late, segment(7), 0)).as("node 2 and segment 7 have turn 0").isNotEmpty();
    SegmentBackup waiting = newBackup(3);
    assertThat(run(waiting, segment(6), 0)).as("node 3 and segment 6 have turn 0").isNotEmpty();
  }

  @Test
  void whoseTurnItIsNotWaitsAndThenDoesIt() throws Exception {
    SegmentBackup other = newBackup(2); // (5 + 2) mod 3: one time of grace
    assertThat(run(other, START, 0)).isEmpty();
    assertThat(run(other, START, GRACE_MILLIS - 1)).isEmpty();
    assertThat(store.list("wal/")).isEmpty();
    assertThat(run(other, START, GRACE_MILLIS)).startsWith(segment(6));
  }

  @Test
  void damageIsNotUploaded() throws Exception {
    flip(file("000000010000000000000006"), 20_000);
    assertThatThrownBy(() -> runPatiently(newBackup(1)))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining("000000010000000000000006, offset 16384: expected CRC32C");
    assertThat(store.list("wal/").stream().map(ObjectInfo::name))
        .containsExactly(
            PREFIX + "000000010000000000000005.crc", PREFIX + "000000010000000000000005.zst");
    assertThat(isExchangeEmpty()).isTrue();
  }

  @Test
  void aSegmentWithoutChecksumsOrAnyOfAnotherSizeIsPutAgain() throws Exception {
    store.put(PREFIX + "000000010000000000000005.zst", new byte[77]);
    store.put(PREFIX + "000000010000000000000006.zst", new byte[0]);
    store.put(PREFIX + "000000010000000000000006.crc", new byte[32 + 4 * 16]);
    store.put(PREFIX + "000000010000000000000007.zst", new byte[77]);
    store.put(PREFIX + "000000010000000000000007.crc", new byte[77]);
    uploadAll();
    checkReadBack();
  }

  private void removeTo(Lsn localStart) throws Exception {
    storage.stateStore().persist(state(localStart, segment(8)));
    storage.removeBefore(localStart);
  }

  private void checkReadBack() throws Exception {
    ByteBuffer all = ByteBuffer.allocate(wal.length);
    try (TimelineWalReader reader = new TimelineWalReader(storage, Optional.of(store))) {
      while (all.hasRemaining()) {
        int before = all.position();
        assertThat(reader.read(START.plus(before), all)).isEqualTo(all.position() - before);
      }
    }
    assertThat(all.array()).isEqualTo(wal);
  }

  @Test
  void whatIsRemovedIsReadBack() throws Exception {
    uploadAll();
    removeTo(segment(7));
    checkReadBack();
    assertThat(isExchangeEmpty()).isTrue();
    try (WalReader local = storage.newReader()) {
      assertThatThrownBy(() -> local.read(START, ByteBuffer.allocate(1)))
          .isInstanceOf(StorageException.NotFound.class);
    }
  }

  @Test
  void aReaderGoesOnWhereASegmentIsRemovedUnderIt() throws Exception {
    uploadAll();
    try (TimelineWalReader reader = new TimelineWalReader(storage, Optional.of(store))) {
      ByteBuffer into = ByteBuffer.allocate(100);
      reader.read(START, into);
      removeTo(segment(8));
      into.clear();
      reader.read(START.plus(100), into);
      assertThat(into.array()).isEqualTo(Arrays.copyOfRange(wal, 100, 200));
    }
  }

  @Test
  void damageOfAnObjectIsNamed() throws Exception {
    uploadAll();
    removeTo(segment(8));
    String name = PREFIX + "000000010000000000000006.zst";
    byte[] sound = store.get(name).orElseThrow();
    int bit = new Random(1).nextInt(8 * sound.length);
    byte[] flipped = sound.clone();
    flipped[bit / 8] ^= (byte) (1 << bit % 8);
    byte[] another = Zstd.compress(new byte[SEGMENT]);
    byte[] tooLong = Zstd.compress(new byte[SEGMENT + 1]);
    for (byte[] damaged :
        List.of(flipped, Arrays.copyOf(sound, sound.length - 1), another, tooLong, new byte[77])) {
      store.put(name, damaged);
      try (TimelineWalReader reader = new TimelineWalReader(storage, Optional.of(store))) {
        assertThatThrownBy(() -> reader.read(segment(6), ByteBuffer.allocate(8192)))
            .isInstanceOf(StorageException.Corrupt.class)
            .hasMessageContaining("object " + name)
            .hasMessageContaining("offset 0: expected ")
            .hasMessageContaining("found");
      }
      assertThat(isExchangeEmpty()).isTrue();
    }
    store.delete(PREFIX + "000000010000000000000007.crc");
    try (TimelineWalReader reader = new TimelineWalReader(storage, Optional.of(store))) {
      assertThatThrownBy(() -> reader.read(segment(7), ByteBuffer.allocate(1)))
          .isInstanceOf(StorageException.Corrupt.class)
          .hasMessageContaining("000000010000000000000007.crc")
          .hasMessageContaining("found no such object");
    }
  }

  private void reopen() throws Exception {
    storage.close();
    storage = directory.openTimeline(ID, Runnable::run).orElseThrow();
  }

  @Test
  void aStartDeletesWhatIsGivenUpAndMissesWhatIsNot() throws Exception {
    uploadAll();
    storage.stateStore().persist(state(segment(7), segment(8)));
    Path removed = file("000000010000000000000006");
    Path kept = file("000000010000000000000007");
    Path left = Files.createDirectories(storage.newExchange());
    reopen();
    assertThat(removed).doesNotExist();
    assertThat(removed.resolveSibling("000000010000000000000006.crc")).doesNotExist();
    assertThat(left).doesNotExist();
    assertThat(storage.wal().flushLsn()).isEqualTo(end);
    checkReadBack();

    Files.delete(kept);
    assertThatThrownBy(this::reopen)
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining("000000010000000000000007 is missing");
  }

  @Test
  void theTailIsPutUnderANameOfItsOwnAndReplacesTheOneBefore() throws Exception {
    uploadAll();
    AcceptorState last = state(START, segment(8));
    assertThat(TailBackup.hasTail(last)).isTrue();
    assertThat(TailBackup.hasTail(state(START, segment(7)))).as("a segment is due").isFalse();
    String old = PREFIX + "000000010000000000000007_x_sk1.partial";
    String others = PREFIX + "000000010000000000000007_x_sk2.partial";
    store.put(old, new byte[1]);
    store.put(others, new byte[1]);
    TailBackup tail = new TailBackup(store, storage, new NodeId(1));
    tail.run(last, end);
    tail.run(last, end);

    String name =
        PREFIX
            + "000000010000000000000008_%016X_%016X_%016X_sk1.partial"
                .formatted(0, end.value(), end.value());
    assertThat(store.list(PREFIX).stream().map(ObjectInfo::name))
        .filteredOn(found -> found.contains("partial"))
        .containsExactly(others, name, name + ".crc");
    int from = (int) segment(8).minus(START);
    assertThat(store.get(name).orElseThrow())
        .isEqualTo(Arrays.copyOfRange(wal, from, (int) end.minus(START)));
    assertThat(isExchangeEmpty()).isTrue();
  }

  @Test
  void aCopyMayBeginInTheMiddleOfARecord() throws Exception {
    AcceptorState copied = state(segment(7), segment(8));
    directory.putAside(ID);
    try (StagedTimeline staged = directory.stage(copied, Runnable::run)) {
      assertThat(staged.wal().writeLsn()).isEqualTo(segment(7));
      int from = (int) segment(7).minus(START);
      staged.wal().write(segment(7), ByteBuffer.wrap(wal, from, wal.length - from));
      staged.publish(copied);
    }
    reopen();
    assertThat(storage.wal().flushLsn()).isEqualTo(end);
    try (WalReader local = storage.newReader()) {
      ByteBuffer into = ByteBuffer.allocate(SEGMENT);
      assertThat(local.read(segment(7), into)).isEqualTo(SEGMENT);
      int from = (int) segment(7).minus(START);
      assertThat(into.array()).isEqualTo(Arrays.copyOfRange(wal, from, from + SEGMENT));
    }
  }
}
