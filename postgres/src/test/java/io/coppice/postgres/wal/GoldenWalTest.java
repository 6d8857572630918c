package io.coppice.postgres.wal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.postgres.golden.Golden;
import io.coppice.postgres.golden.Golden.Kept;
import io.coppice.postgres.record.RecordNames;
import io.coppice.postgres.record.ResourceManager;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.testsupport.Seeded;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The decoder against the log of a real server and what pg_waldump says of it. */
class GoldenWalTest {
  private static final int SEGMENT = Golden.SEGMENT_SIZE_BYTES;

  private static byte[] wal = new byte[0];
  private static Lsn start = Lsn.INVALID;
  private static List<Golden.Line> lines = List.of();
  private static List<Kept> records = List.of();
  private static BitSet inRecords = new BitSet();

  @BeforeAll
  static void readGolden() throws StorageException {
    byte[] all = Golden.wal();
    start = Golden.walStart();
    lines = Golden.lines();
    WalDecoder decoder = WalDecoder.ofFiles(PostgresVersion.V15, SEGMENT, start);
    decoder.feed(all, 0, all.length);
    records = Golden.drain(decoder);
    wal = Arrays.copyOf(all, (int) decoder.position().minus(start));
    inRecords = bytesOfRecords();
  }

  private static WalDecoder decoder() {
    return new WalDecoder(PostgresVersion.V15, SEGMENT, start);
  }

  @Test
  void readsEveryRecordThatWaldumpPrints() throws StorageException {
    WalDecoder decoder = decoder();
    decoder.feed(wal, 0, wal.length);
    WalRecord record = new WalRecord();
    for (Golden.Line line : lines) {
      assertThat(decoder.next(record)).isTrue();
      assertThat(record.start()).isEqualTo(line.start());
      assertThat(record.previous()).isEqualTo(line.previous());
      assertThat(record.length()).isEqualTo(line.length());
      assertThat(Integer.toUnsignedLong(record.xid())).isEqualTo(line.xid());
      assertThat(ResourceManager.name(record.resourceManager())).isEqualTo(line.resourceManager());
      if (record.resourceManager() != ResourceManager.GENERIC) {
        assertThat(RecordNames.of(record)).isEqualTo(line.resourceManager() + "/" + line.kind());
      }
      assertThat(blocks(record)).as("%s", line).isEqualTo(line.blocks());
      assertThat(decoder.position()).isEqualTo(record.end());
      assertThat(decoder.previousRecordStart()).isEqualTo(record.start());
    }
    assertThat(decoder.next(record)).isFalse();
    assertThat(lines).hasSizeGreaterThan(5_000);
  }

  private static List<Golden.Block> blocks(WalRecord record) {
    List<Golden.Block> blocks = new ArrayList<>();
    for (int id = 0; id < record.blockCount(); id++) {
      if (record.hasBlock(id)) {
        blocks.add(
            new Golden.Block(
                id,
                record.blockTag(id),
                Integer.toUnsignedLong(record.blockNumber(id)),
                record.blockApplyImage(id)));
      }
    }
    return blocks;
  }

  @Test
  void holdsTheCasesThatMatter() {
    long across = records.stream().filter(r -> page(r.start()) != page(lastByte(r))).count();
    long acrossSegments =
        records.stream().filter(r -> segment(r.start()) != segment(lastByte(r))).count();
    assertThat(across).isGreaterThan(100);
    assertThat(acrossSegments).isPositive();
    assertThat(records).anyMatch(r -> r.end().value() % 8192 == 0 && r.length() > 24);
    assertThat(records).anyMatch(r -> r.length() > 1_000_000);
    assertThat(lines).anyMatch(line -> line.kind().equals("SWITCH"));
  }

  private static long page(Lsn lsn) {
    return lsn.value() / 8192;
  }

  private static long segment(Lsn lsn) {
    return lsn.value() / SEGMENT;
  }

  private static Lsn lastByte(Kept record) {
    return record.length() == 24 ? record.start() : record.end().plus(-1);
  }

  @Seeded(tries = 20)
  void givesTheSameRecordsFromPiecesOfAnySize(long seed) throws StorageException {
    Random random = new Random(seed);
    int pieceMax = 1 << random.nextInt(18);
    WalDecoder decoder = decoder();
    List<Kept> read = new ArrayList<>();
    for (int at = 0; at < wal.length; ) {
      int piece = Math.min(wal.length - at, 1 + random.nextInt(pieceMax));
      decoder.feed(wal, at, piece);
      at += piece;
      if (random.nextInt(4) != 0 || at == wal.length) {
        read.addAll(Golden.drain(decoder));
        assertThat(decoder.fedUpTo()).isEqualTo(start.plus(at));
        assertThat(decoder.position().isAtOrBefore(start.plus(at + SEGMENT))).isTrue();
      }
    }
    assertThat(read).isEqualTo(records);
  }

  @Seeded(tries = 60)
  void findsAFlippedBit(long seed) {
    Random random = new Random(seed);
    int at = random.nextInt(wal.length);
    byte[] damaged = wal.clone();
    damaged[at] ^= (byte) (1 << random.nextInt(8));
    WalDecoder decoder = decoder();
    decoder.feed(damaged, 0, damaged.length);
    List<Kept> read = new ArrayList<>();
    Throwable thrown =
        catchThrowable(() -> Golden.drain(decoder, record -> read.add(Kept.of(record))));
    assertThat(records).as("other records than were written").startsWith(read.toArray(Kept[]::new));
    if (inRecords.get(at)) {
      assertThat(read).as("records up to the flipped bit").hasSizeLessThan(records.size());
    }
    if (thrown != null) {
      assertThat(thrown)
          .isInstanceOf(StorageException.Corrupt.class)
          .hasMessageContaining("expected")
          .hasMessageContaining("got");
      assertThat(catchThrowable(() -> decoder.next(new WalRecord())))
          .isInstanceOf(StorageException.Corrupt.class)
          .hasMessage(thrown.getMessage());
    }
  }

  /** Where the bytes of records are: not page headers, padding and what follows a switch. */
  private static BitSet bytesOfRecords() {
    BitSet bytes = new BitSet();
    for (Kept record : records) {
      int at = (int) record.start().minus(start);
      for (int left = record.length(); left > 0; left--, at++) {
        if (at % 8192 == 0) {
          at += at % SEGMENT == 0 ? 40 : 24;
        }
        bytes.set(at);
      }
    }
    return bytes;
  }

  @Seeded(tries = 40)
  void waitsWhereTheStreamIsCutOff(long seed) throws StorageException {
    int length = new Random(seed).nextInt(wal.length);
    WalDecoder decoder = decoder();
    decoder.feed(wal, 0, length);
    List<Kept> read = Golden.drain(decoder);
    List<Kept> whole =
        records.stream().filter(r -> start.plus(length).isAtOrAfter(lastByteEnd(r))).toList();
    assertThat(read).isEqualTo(whole);
    decoder.feed(wal, length, wal.length - length);
    read.addAll(Golden.drain(decoder));
    assertThat(read).isEqualTo(records);
  }

  /** Behind the last byte of the record itself, without padding. */
  private static Lsn lastByteEnd(Kept record) {
    return record.length() == 24
        ? record.start().plus(24)
        : record.end().plus(-(-record.length() & 7));
  }

  @Seeded(tries = 40)
  void startsAtAnyRecord(long seed) throws StorageException {
    int first = new Random(seed).nextInt(records.size() - 1);
    Lsn from = records.get(first).end();
    WalDecoder decoder = new WalDecoder(PostgresVersion.V15, SEGMENT, from);
    int offset = (int) from.minus(start);
    decoder.feed(wal, offset, wal.length - offset);
    assertThat(Golden.drain(decoder)).isEqualTo(records.subList(first + 1, records.size()));
  }

  @Test
  void findsTheFirstRecordFromAnyPage() throws StorageException {
    for (int page = 0; page < wal.length; page += 8192) {
      Lsn from = start.plus(page);
      int length = Math.min(wal.length - page, 4 * 8192);
      WalDecoder decoder = WalDecoder.ofFilesFromPage(PostgresVersion.V15, SEGMENT, from);
      decoder.feed(wal, page, length);
      WalRecord record = new WalRecord();
      if (decoder.next(record)) {
        assertThat(Kept.of(record))
            .isEqualTo(records.stream().filter(r -> r.start().isAtOrAfter(from)).findFirst().get());
      }
    }
  }

  @Test
  void stopsAtTheZerosThatEndTheFiles() throws StorageException {
    byte[] all = Golden.wal();
    WalDecoder files = WalDecoder.ofFiles(PostgresVersion.V15, SEGMENT, start);
    files.feed(all, 0, all.length);
    assertThat(Golden.drain(files)).isEqualTo(records);
    assertThat(files.atEndOfWal()).isTrue();
    assertThat(files.position()).isEqualTo(records.getLast().end());

    WalDecoder stream = decoder();
    stream.feed(all, 0, all.length);
    assertThat(catchThrowable(() -> Golden.drain(stream)))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining(records.getLast().end().toString());
  }
}
