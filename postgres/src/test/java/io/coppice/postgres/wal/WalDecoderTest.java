package io.coppice.postgres.wal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.postgres.bytes.LittleEndian;
import io.coppice.postgres.golden.Golden;
import io.coppice.postgres.golden.Golden.Kept;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.testsupport.Seeded;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The decoder against logs that we write, with what no server writes on demand. */
class WalDecoderTest {
  private static final PostgresVersion V15 = PostgresVersion.V15;
  private static final int SEGMENT = 1 << 20;
  private static final long SYSTEM_ID = 0x1234_5678_9ABC_DEF0L;
  private static final int RM_LOGICALMSG = 21;
  private static final Lsn MID_PAGE = Lsn.parse("7/12345678");

  private static WalStreamWriter writer(Lsn start) {
    return new WalStreamWriter(V15, SEGMENT, SYSTEM_ID, 1, start, start.plus(-48));
  }

  /** A record's body that holds nothing but main data. */
  private static byte[] body(int mainDataBytes) {
    byte[] body = new byte[5 + mainDataBytes];
    body[0] = (byte) 254;
    LittleEndian.putI32(body, 1, mainDataBytes);
    Arrays.fill(body, 5, body.length, (byte) 0xA5);
    return body;
  }

  private static List<Kept> decode(Lsn start, byte[] stream) throws StorageException {
    WalDecoder decoder = new WalDecoder(V15, SEGMENT, start);
    decoder.feed(stream, 0, stream.length);
    return Golden.drain(decoder);
  }

  @Seeded(tries = 60)
  void readsWhatTheWriterWroteWhereverItBegins(long seed) throws StorageException {
    Random random = new Random(seed);
    Lsn start = randomStart(random);
    WalStreamWriter writer = writer(start);
    List<Lsn> ends = new ArrayList<>();
    int count = 1 + random.nextInt(200);
    for (int i = 0; i < count; i++) {
      if (random.nextInt(50) == 0) {
        ends.add(writer.appendSwitch());
      } else {
        ends.add(writer.append(RM_LOGICALMSG, 0, i, body(randomLength(random, writer))));
      }
    }
    byte[] stream = writer.takeBytes();

    WalDecoder decoder = new WalDecoder(V15, SEGMENT, start);
    decoder.expectSystemId(SYSTEM_ID);
    List<Lsn> read = new ArrayList<>();
    int pieceMax = 1 + random.nextInt(100_000);
    for (int at = 0; at < stream.length; ) {
      int piece = Math.min(stream.length - at, 1 + random.nextInt(pieceMax));
      decoder.feed(stream, at, piece);
      Golden.drain(decoder, record -> read.add(record.end()));
      at += piece;
    }
    assertThat(read).isEqualTo(ends);
    assertThat(decoder.position()).isEqualTo(writer.position());
    assertThat(decoder.previousRecordStart()).isEqualTo(writer.previousRecordStart());
  }

  private static Lsn randomStart(Random random) {
    long page = (1 + random.nextInt(1 << 20)) * 8192L;
    return switch (random.nextInt(4)) {
      case 0 -> new Lsn(page);
      case 1 -> new Lsn(page & -SEGMENT);
      case 2 -> new Lsn(page + 40);
      default -> new Lsn(page + 40 + 8L * random.nextInt(1000));
    };
  }

  /** Mostly short; now and then such that the record ends with its page, or spans many. */
  private static int randomLength(Random random, WalStreamWriter writer) {
    return switch (random.nextInt(10)) {
      case 0 -> {
        int left = 8192 - (int) (writer.position().value() % 8192);
        yield Math.max(0, left - 29 - random.nextInt(9));
      }
      case 1 -> random.nextInt(300_000);
      default -> random.nextInt(300);
    };
  }

  @Test
  void followsARecordThatItsWriterGaveUp() throws StorageException {
    Lsn start = new Lsn(SEGMENT);
    WalStreamWriter writer = writer(start);
    writer.append(RM_LOGICALMSG, 0, 1, body(100));
    Lsn lost = writer.position();
    Lsn lastWhole = writer.previousRecordStart();
    writer.append(RM_LOGICALMSG, 0, 2, body(9_000));
    byte[] stream = Arrays.copyOf(writer.takeBytes(), 8192);

    byte[] note = new byte[18];
    note[0] = (byte) 255;
    note[1] = 16;
    LittleEndian.putI64(note, 2, lost.value());
    byte[] good = overwriteAt(start.plus(8192), lastWhole, note);
    assertThat(decode(start, join(stream, good))).hasSize(2);

    LittleEndian.putI64(note, 2, lost.value() + 8);
    byte[] other = overwriteAt(start.plus(8192), lastWhole, note);
    assertThatThrownBy(() -> decode(start, join(stream, other)))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining("was given up");
  }

  private static byte[] overwriteAt(Lsn page, Lsn previous, byte[] note) {
    WalStreamWriter writer = new WalStreamWriter(V15, SEGMENT, SYSTEM_ID, 1, page, previous);
    writer.append(WalLayout.RESOURCE_MANAGER_XLOG, WalLayout.XLOG_OVERWRITE_CONTINUATION, 0, note);
    byte[] bytes = writer.takeBytes();
    bytes[WalLayout.PAGE_INFO] |= (byte) WalLayout.FIRST_IS_OVERWRITE_CONTINUATION;
    return bytes;
  }

  private static byte[] join(byte[] a, byte[] b) {
    byte[] joined = Arrays.copyOf(a, a.length + b.length);
    System.arraycopy(b, 0, joined, a.length, b.length);
    return joined;
  }

  @Test
  void refusesAPageHeaderThatDoesNotBelongThere() {
    Lsn start = new Lsn(SEGMENT);
    WalStreamWriter writer = writer(start);
    writer.append(RM_LOGICALMSG, 0, 1, body(100));
    byte[] stream = writer.takeBytes();
    assertRefused(start, stream, WalLayout.PAGE_MAGIC, "magic: expected 0xD110, got 0x");
    assertRefused(start, stream, WalLayout.PAGE_INFO, "a new record, got the continuation");
    assertRefused(start, stream, WalLayout.PAGE_INFO + 1, "flags");
    assertRefused(start, stream, WalLayout.PAGE_ADDRESS + 5, "page address: expected 0/100000");
    assertRefused(start, stream, WalLayout.PAGE_SEGMENT_SIZE, "segment size: expected 1048576");
    assertRefused(start, stream, WalLayout.PAGE_PAGE_SIZE, "page size: expected 8192");
    assertThatThrownBy(
            () -> {
              WalDecoder decoder = new WalDecoder(V15, SEGMENT, start);
              decoder.expectSystemId(42);
              decoder.feed(stream, 0, stream.length);
              Golden.drain(decoder);
            })
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining("system id: expected 42, got " + SYSTEM_ID);
  }

  private static void assertRefused(Lsn start, byte[] stream, int at, String message) {
    byte[] damaged = stream.clone();
    damaged[at] ^= 1;
    assertThatThrownBy(() -> decode(start, damaged))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining(start.toString())
        .hasMessageContaining(message);
  }

  @Test
  void refusesAContinuationThatDoesNotFit() {
    Lsn start = new Lsn(SEGMENT);
    WalStreamWriter writer = writer(start);
    writer.append(RM_LOGICALMSG, 0, 1, body(9_000));
    byte[] stream = writer.takeBytes();
    for (int field : new int[] {WalLayout.PAGE_REMAINING_LENGTH, WalLayout.PAGE_INFO}) {
      byte[] damaged = stream.clone();
      damaged[8192 + field] ^= 1;
      assertThatThrownBy(() -> decode(start, damaged))
          .isInstanceOf(StorageException.Corrupt.class)
          .hasMessageContaining("WAL continuation at 0/102000 of the record at 0/100028: expected");
    }
  }

  @Test
  void refusesAHostileLengthWithoutMakingRoomForIt() throws StorageException {
    WalStreamWriter writer = writer(MID_PAGE);
    writer.append(RM_LOGICALMSG, 0, 1, body(100));
    byte[] stream = writer.takeBytes();
    LittleEndian.putI32(stream, 0, WalLayout.RECORD_BYTES_MAX + 1);
    assertThatThrownBy(() -> decode(MID_PAGE, stream))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining("length: expected 24 to");
    LittleEndian.putI32(stream, 0, 23);
    assertThatThrownBy(() -> decode(MID_PAGE, stream))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining("got 23");

    LittleEndian.putI32(stream, 0, WalLayout.RECORD_BYTES_MAX);
    Runtime runtime = Runtime.getRuntime();
    long before = runtime.totalMemory();
    List<WalDecoder> decoders = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      WalDecoder decoder = new WalDecoder(V15, SEGMENT, MID_PAGE);
      decoder.feed(stream, 0, stream.length);
      assertThat(decoder.next(new WalRecord())).isFalse();
      decoders.add(decoder);
    }
    assertThat(runtime.totalMemory() - before).isLessThan(512L << 20);
    assertThat(decoders).hasSize(100);
  }

  @Test
  void refusesARecordThatDoesNotFollowTheOneBefore() {
    WalStreamWriter writer = writer(MID_PAGE);
    writer.append(RM_LOGICALMSG, 0, 1, body(100));
    byte[] first = writer.takeBytes();
    WalStreamWriter other =
        new WalStreamWriter(V15, SEGMENT, SYSTEM_ID, 1, writer.position(), MID_PAGE.plus(-8));
    other.append(RM_LOGICALMSG, 0, 2, body(100));
    byte[] stream = join(first, other.takeBytes());
    assertThatThrownBy(() -> decode(MID_PAGE, stream))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining("previous record: expected " + MID_PAGE);

    WalStreamWriter ahead =
        new WalStreamWriter(V15, SEGMENT, SYSTEM_ID, 1, MID_PAGE, MID_PAGE.plus(8));
    ahead.append(RM_LOGICALMSG, 0, 2, body(100));
    byte[] fromTheFuture = ahead.takeBytes();
    assertThatThrownBy(() -> decode(MID_PAGE, fromTheFuture))
        .isInstanceOf(StorageException.Corrupt.class)
        .hasMessageContaining("previous record: expected one before it");
  }

  @Test
  void refusesAStartWhereNoRecordCanBegin() {
    for (String lsn : List.of("0/1000008", "0/1000018", "0/1002008", "0/1000029")) {
      assertThatThrownBy(() -> new WalDecoder(V15, SEGMENT, Lsn.parse(lsn)))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining(lsn);
    }
    assertThat(new WalDecoder(V15, SEGMENT, Lsn.parse("0/1002018")).position())
        .isEqualTo(Lsn.parse("0/1002018"));
  }

  /** Behind a good CRC anything may stand: it is refused, or all that it names lies within. */
  @Seeded(tries = 3)
  void staysWithinARecordWhateverItsHeadersSay(long seed) {
    Random random = new Random(seed);
    WalRecord parsed = new WalRecord();
    int[] outcomes = new int[2];
    Golden.eachRecord(record -> {
      byte[] bytes =
          Arrays.copyOfRange(record.bytes(), record.offset(), record.offset() + record.length());
      for (int i = 0; i < 10; i++) {
        byte[] damaged = bytes.clone();
        if (damaged.length > 24) {
          int at = 24 + random.nextInt(Math.min(60, damaged.length - 24));
          damaged[at] = (byte) random.nextInt(256);
        }
        if (random.nextInt(4) == 0) {
          damaged = Arrays.copyOf(damaged, 24 + random.nextInt(damaged.length - 23));
        }
        try {
          parsed.parse(V15, damaged, 0, damaged.length, record.start(), record.end());
          assertWithin(parsed, damaged.length);
          outcomes[0]++;
        } catch (StorageException.Corrupt e) {
          assertThat(e).hasMessageContaining(record.start().toString());
          outcomes[1]++;
        }
      }
    });
    assertThat(outcomes[0]).isPositive();
    assertThat(outcomes[1]).isPositive();
  }

  private static void assertWithin(WalRecord record, int length) {
    int at = 24;
    for (int id = 0; id < record.blockCount(); id++) {
      if (record.hasBlock(id)) {
        check(record.blockImageOffset(id) >= at);
        at = record.blockImageOffset(id) + record.blockImageLength(id);
        check(record.blockDataOffset(id) == at);
        at += record.blockDataLength(id);
        check(record.blockHoleOffset(id) + record.blockHoleLength(id) <= 8192);
        check(record.blockFork(id) <= 3);
      }
    }
    check(record.mainDataOffset() >= at);
    check(record.mainDataOffset() + record.mainDataLength() == length);
  }

  private static void check(boolean holds) {
    if (!holds) {
      throw new AssertionError("a record reaches outside its bytes");
    }
  }
}
