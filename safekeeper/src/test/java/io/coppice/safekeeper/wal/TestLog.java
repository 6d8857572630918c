package io.coppice.safekeeper.wal;

import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.WalDecoder;
import io.coppice.postgres.wal.WalRecord;
import io.coppice.postgres.wal.WalStreamWriter;
import io.coppice.safekeeper.consensus.TimelineProperties;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/** A log of random records: the stream as it should be, and a store to put it into. */
final class TestLog {
  private final Lsn start;
  private final TimelineProperties properties;
  private final WalSegments segments;
  private final List<Lsn> ends = new ArrayList<>();
  private WalStreamWriter writer;
  private byte[] stream = new byte[0];

  TestLog(Path directory, int segmentSizeBytes, Lsn start) {
    this.start = start;
    this.properties =
        new TimelineProperties(
            new TenantTimelineId(new TenantId(1, 1), new TimelineId(2, 2)),
            15,
            42,
            segmentSizeBytes,
            start);
    this.segments = new WalSegments(directory, segmentSizeBytes);
    this.writer = newWriter(start, Lsn.INVALID);
  }

  private WalStreamWriter newWriter(Lsn at, Lsn previousRecord) {
    return new WalStreamWriter(
        PostgresVersion.V15, segments.sizeBytes(), 42, 1, at, previousRecord);
  }

  WalSegments segments() {
    return segments;
  }

  TimelineProperties properties() {
    return properties;
  }

  FileWalStore open(Lsn from) throws Exception {
    return FileWalStore.open(
        segments, properties, properties.startLsn(), from, Runnable::run, new LogShare());
  }

  /** Makes records of random bodies. */
  void append(int count, int sizeBytesMax, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    for (int i = 0; i < count; i++) {
      byte[] body = new byte[2 + random.nextInt(sizeBytesMax)];
      random.nextBytes(body);
      ends.add(writer.append(10, 0, 7, mainData(body)));
    }
    take();
  }

  Lsn appendSwitch() {
    Lsn next = writer.appendSwitch();
    take();
    return next;
  }

  private void take() {
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

  /** Forgets what is behind a record boundary; other records come there. */
  void cut(Lsn at) throws Exception {
    stream = Arrays.copyOf(stream, (int) at.minus(start));
    ends.removeIf(end -> end.isAfter(at));
    WalDecoder decoder = new WalDecoder(PostgresVersion.V15, segments.sizeBytes(), start);
    WalRecord record = new WalRecord();
    decoder.feed(stream, 0, stream.length);
    while (decoder.next(record)) {
      // only the position of the last one matters
    }
    writer = newWriter(at, decoder.previousRecordStart());
  }

  /** Where records end. */
  List<Lsn> ends() {
    return ends;
  }

  byte[] stream() {
    return stream;
  }

  int length() {
    return stream.length;
  }

  int indexOf(Lsn lsn) {
    return (int) lsn.minus(start);
  }

  void write(FileWalStore store, int from, int to) throws Exception {
    for (int at = from; at < to; ) {
      int count = Math.min(to - at, 100_000);
      store.write(start.plus(at), ByteBuffer.wrap(stream, at, count));
      at += count;
    }
  }

  /** All of it, flushed in pieces and closed. */
  void writeAll() throws Exception {
    try (FileWalStore store = open(start)) {
      for (int at = indexOf(store.writeLsn()); at < stream.length; ) {
        int next = Math.min(stream.length, at + 50_000);
        write(store, at, next);
        store.flush();
        at = next;
      }
    }
  }

  /** What a reader reads from the start on. */
  byte[] stored(Lsn to) throws Exception {
    ByteBuffer all = ByteBuffer.allocate((int) to.minus(start));
    try (WalReader reader = newReader()) {
      while (all.hasRemaining()) {
        reader.read(start.plus(all.position()), all);
      }
    }
    return all.array();
  }

  WalReader newReader() {
    return new WalReader(segments, new LogShare());
  }

  /** Changes one bit of a file. */
  static void flip(Path file, long bit) throws Exception {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      flip(channel, bit);
    }
  }

  static void flip(FileChannel channel, long bit) throws Exception {
    ByteBuffer one = ByteBuffer.allocate(1);
    channel.read(one, bit / 8);
    one.put(0, (byte) (one.get(0) ^ 1 << bit % 8));
    channel.write(one.rewind(), bit / 8);
  }

  /** Overwrites a part of a file with zeros, as if it had never been written. */
  static void lose(Path file, int offset, int length) throws Exception {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.allocate(length), offset);
    }
  }
}
