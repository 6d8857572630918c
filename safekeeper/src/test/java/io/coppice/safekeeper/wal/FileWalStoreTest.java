package io.coppice.safekeeper.wal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.WalStreamWriter;
import io.coppice.safekeeper.consensus.TimelineProperties;
import io.coppice.testsupport.Seeded;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class FileWalStoreTest {
  private static final int SEGMENT = 1 << 20;
  private static final Lsn START = new Lsn(5L * SEGMENT + 8192 + 24 + 400);

  @TempDir Path directory;
  private final TimelineProperties properties =
      new TimelineProperties(
          new TenantTimelineId(new TenantId(1, 1), new TimelineId(2, 2)), 15, 42, SEGMENT, START);
  private WalSegments segments;
  private WalStreamWriter writer;

  /** The stream so far, and where its records end. */
  private byte[] stream = new byte[0];

  private final List<Lsn> ends = new ArrayList<>();

  @BeforeEach
  void prepare() {
    segments = new WalSegments(directory.resolve("wal"), SEGMENT);
    writer = newWriter(START);
  }

  private static WalStreamWriter newWriter(Lsn start) {
    return new WalStreamWriter(PostgresVersion.V15, SEGMENT, 42, 1, start, Lsn.INVALID);
  }

  private FileWalStore open(Lsn from) throws Exception {
    return FileWalStore.open(segments, properties, from, Runnable::run);
  }

  private void makeRecords(int count, int size, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    for (int i = 0; i < count; i++) {
      byte[] body = new byte[2 + random.nextInt(size)];
      random.nextBytes(body);
      ends.add(writer.append(10, 0, 7, mainData(body)));
    }
    byte[] more = writer.takeBytes();
    byte[] all = Arrays.copyOf(stream, stream.length + more.length);
    System.arraycopy(more, 0, all, stream.length, more.length);
    stream = all;
  }

  /** A record body of main data only: short form up to 255 bytes, else long form. */
  private static byte[] mainData(byte[] data) {
    boolean isShort = data.length < 256;
    ByteBuffer body =
        ByteBuffer.allocate((isShort ? 2 : 5) + data.length).order(ByteOrder.LITTLE_ENDIAN);
    if (isShort) {
      body.put((byte) 255).put((byte) data.length);
    } else {
      body.put((byte) 254).putInt(data.length);
    }
    return body.put(data).array();
  }

  private void write(FileWalStore store, int from, int to) throws Exception {
    for (int at = from; at < to; ) {
      int count = Math.min(to - at, 100_000);
      store.write(START.plus(at), ByteBuffer.wrap(stream, at, count));
      at += count;
    }
  }

  private byte[] stored(Lsn to) throws Exception {
    ByteBuffer all = ByteBuffer.allocate((int) to.minus(START));
    try (WalReader reader = new WalReader(segments)) {
      while (all.hasRemaining()) {
        reader.read(START.plus(all.position()), all);
      }
    }
    return all.array();
  }

  @Test
  void keepsTheStreamAsItIsInSegmentsNamedAsPostgresNamesThem() throws Exception {
    makeRecords(400, 9_000, 1);
    try (FileWalStore store = open(START)) {
      write(store, 0, stream.length);
      assertThat(store.flushLsn()).isEqualTo(START);
      store.flush();
      assertThat(store.flushLsn()).isEqualTo(ends.getLast());
    }
    assertThat(stored(START.plus(stream.length))).isEqualTo(stream);
    assertThat(segments.path(5)).hasFileName("000000010000000000000005").hasSize(SEGMENT);
    try (FileWalStore again = open(START)) {
      assertThat(again.flushLsn()).isEqualTo(ends.getLast());
      assertThat(again.writeLsn()).isEqualTo(ends.getLast());
    }
  }

  @Test
  void countsOnlyWholeRecordsAndCutsTheRestWhenOpened() throws Exception {
    makeRecords(50, 3_000, 2);
    Lsn whole = ends.get(48);
    int part = (int) ends.getLast().minus(START) - 5;
    try (FileWalStore store = open(START)) {
      write(store, 0, part);
      store.flush();
      assertThat(store.flushLsn()).isEqualTo(whole);
      assertThat(store.writeLsn()).isEqualTo(START.plus(part));
      write(store, part, stream.length);
      store.flush();
      assertThat(store.flushLsn()).isEqualTo(ends.getLast());
      store.truncate(ends.get(10));
      write(store, (int) ends.get(10).minus(START), part);
      store.flush();
    }
    try (FileWalStore again = open(START)) {
      assertThat(again.writeLsn()).isEqualTo(whole);
    }
    assertZeroBehind(whole);
  }

  @Test
  void goesOnBehindTheCutWithOtherRecords() throws Exception {
    makeRecords(300, 9_000, 3);
    Lsn cut = ends.get(20);
    try (FileWalStore store = open(START)) {
      write(store, 0, stream.length);
      store.flush();
      store.truncate(cut);
      assertThat(segments.list()).hasSize(1);
      assertZeroBehind(cut);
      stream = Arrays.copyOf(stream, (int) cut.minus(START));
      writer = newWriter(cut);
      makeRecords(3, 500, 4);
      write(store, (int) cut.minus(START), stream.length);
      store.flush();
    }
    try (FileWalStore again = open(cut)) {
      assertThat(again.flushLsn()).isEqualTo(ends.getLast());
    }
    assertThat(stored(ends.getLast())).isEqualTo(stream);
    assertZeroBehind(ends.getLast());
  }

  /**
   * Power is lost while the bytes behind the cut are being overwritten: any of them may be left.
   */
  @Seeded(tries = 25)
  void neverJoinsCutWalAfterACutThatWasInterrupted(long seed) throws Exception {
    SplittableRandom random = new SplittableRandom(seed);
    makeRecords(250, 9_000, seed);
    Lsn cut = ends.get(20 + random.nextInt(20));
    try (FileWalStore store = open(START)) {
      write(store, 0, stream.length);
      store.flush();
    }
    byte[] before = Files.readAllBytes(segments.path(5));
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
      assertThat(ends).contains(end);
      assertThat(segments.list()).hasSizeBetween(1, 2);
      assertZeroBehind(end);
    }
  }

  @Test
  void passesOverThePaddingBehindASwitchOfSegments() throws Exception {
    makeRecords(5, 100, 5);
    Lsn next = writer.appendSwitch();
    makeRecords(5, 100, 6);
    try (FileWalStore store = open(START)) {
      int boundary = (int) new Lsn(6L * SEGMENT).minus(START);
      write(store, 0, boundary - 4_000);
      store.flush();
      assertThat(store.flushLsn()).isLessThanOrEqualTo(store.writeLsn());
      write(store, boundary - 4_000, stream.length);
      store.flush();
      assertThat(next).isEqualTo(new Lsn(6L * SEGMENT));
      assertThat(store.flushLsn()).isEqualTo(ends.getLast());
    }
    try (FileWalStore again = open(ends.get(2))) {
      assertThat(again.flushLsn()).isEqualTo(ends.getLast());
    }
  }

  @Test
  void refusesWhatIsNoWalAndGoesOnOnceItIsCut() throws Exception {
    makeRecords(10, 100, 7);
    try (FileWalStore store = open(START)) {
      write(store, 0, stream.length);
      store.flush();
      byte[] noise = new byte[1_000];
      Arrays.fill(noise, (byte) 0x55);
      assertThatThrownBy(() -> store.write(store.writeLsn(), ByteBuffer.wrap(noise)))
          .isInstanceOf(StorageException.Corrupt.class);
      store.flush();
      assertThat(store.flushLsn()).isEqualTo(ends.getLast());
      store.truncate(ends.getLast());
      makeRecords(10, 100, 8);
      write(store, (int) store.writeLsn().minus(START), stream.length);
      store.flush();
      assertThat(store.flushLsn()).isEqualTo(ends.getLast());
    }
  }

  @Test
  void refusesToOpenWithoutASegmentOfCommittedWal() throws Exception {
    makeRecords(600, 9_000, 9);
    try (FileWalStore store = open(START)) {
      write(store, 0, stream.length);
      store.flush();
    }
    Files.delete(segments.path(6));
    assertThatThrownBy(() -> open(ends.getLast()))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining("000000010000000000000006 is missing");
  }

  @Test
  void refusesASegmentOfAnotherLength() throws Exception {
    makeRecords(10, 100, 10);
    try (FileWalStore store = open(START)) {
      write(store, 0, stream.length);
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
