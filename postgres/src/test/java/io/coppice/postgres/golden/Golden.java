package io.coppice.postgres.golden;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Fork;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.WalDecoder;
import io.coppice.postgres.wal.WalRecord;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.CRC32;
import java.util.zip.GZIPInputStream;

/** The golden files of 15, made by {@code golden/v15/make.sh}. */
public final class Golden {
  public static final PostgresVersion VERSION = PostgresVersion.V15;
  public static final int SEGMENT_SIZE_BYTES = 1 << 20;

  private static final Pattern LINE =
      Pattern.compile(
          "rmgr: (\\S+) +len \\(rec/tot\\): +\\d+/ *(\\d+), tx: +(\\d+), lsn: ([0-9A-F/]+),"
              + " prev ([0-9A-F/]+), desc: (\\S+) ?(.*)");
  private static final Pattern BLOCK =
      Pattern.compile(
          "blkref #(\\d+): rel (\\d+)/(\\d+)/(\\d+)(?: fork (\\w+))? blk (\\d+)( FPW)?");

  private Golden() {}

  /** A record as pg_waldump printed it. */
  public record Line(
      String resourceManager,
      int length,
      long xid,
      Lsn start,
      Lsn previous,
      String kind,
      String description,
      List<Block> blocks) {}

  /** A block reference as pg_waldump printed it. */
  public record Block(int id, RelationTag relation, long block, boolean applyImage) {}

  /** The log from the start of its first segment, zeros at the end included. */
  public static byte[] wal() {
    return read("wal.gz");
  }

  /** Position of the first byte of {@link #wal}. */
  public static Lsn walStart() {
    Lsn first = lines().getFirst().start();
    return new Lsn(first.value() & -SEGMENT_SIZE_BYTES);
  }

  public static List<Line> lines() {
    List<Line> lines = new ArrayList<>();
    for (String text : text("waldump.txt.gz").lines().toList()) {
      Matcher matcher = LINE.matcher(text);
      if (!matcher.matches()) {
        throw new IllegalStateException("not a line of pg_waldump: " + text);
      }
      lines.add(
          new Line(
              matcher.group(1),
              Integer.parseInt(matcher.group(2)),
              Long.parseLong(matcher.group(3)),
              Lsn.parse(matcher.group(4)),
              Lsn.parse(matcher.group(5)),
              matcher.group(6).replaceAll("[,:]$", ""),
              matcher.group(7),
              blocks(matcher.group(7))));
    }
    return lines;
  }

  private static List<Block> blocks(String description) {
    List<Block> blocks = new ArrayList<>();
    Matcher matcher = BLOCK.matcher(description);
    while (matcher.find()) {
      String fork = matcher.group(5);
      blocks.add(
          new Block(
              Integer.parseInt(matcher.group(1)),
              new RelationTag(
                  Integer.parseUnsignedInt(matcher.group(2)),
                  Integer.parseUnsignedInt(matcher.group(3)),
                  Integer.parseUnsignedInt(matcher.group(4)),
                  fork == null ? 0 : Fork.valueOf(fork.toUpperCase(Locale.ROOT)).number()),
              Long.parseLong(matcher.group(6)),
              matcher.group(7) != null));
    }
    return blocks;
  }

  /** What a record is, kept after the view moved on. */
  public record Kept(Lsn start, Lsn end, long digest, int length) {
    public static Kept of(WalRecord record) {
      byte[] bytes =
          Arrays.copyOfRange(record.bytes(), record.offset(), record.offset() + record.length());
      CRC32 crc = new CRC32();
      crc.update(bytes);
      return new Kept(record.start(), record.end(), crc.getValue(), record.length());
    }
  }

  /** Reads all records that the decoder has. */
  public static List<Kept> drain(WalDecoder decoder) throws StorageException.Corrupt {
    List<Kept> kept = new ArrayList<>();
    drain(decoder, record -> kept.add(Kept.of(record)));
    return kept;
  }

  public static void drain(WalDecoder decoder, Consumer<WalRecord> to)
      throws StorageException.Corrupt {
    WalRecord record = new WalRecord();
    while (decoder.next(record)) {
      to.accept(record);
    }
  }

  /** All records of the log, in order. */
  public static void eachRecord(Consumer<WalRecord> to) {
    WalDecoder decoder = WalDecoder.ofFiles(VERSION, SEGMENT_SIZE_BYTES, walStart());
    byte[] wal = wal();
    decoder.feed(wal, 0, wal.length);
    try {
      drain(decoder, to);
    } catch (StorageException.Corrupt e) {
      throw new AssertionError(e);
    }
  }

  /** A file, unpacked if its name says that it is packed. */
  public static byte[] read(String name) {
    return read(VERSION, name);
  }

  /**
   * Of any major; of others than 15 there are few, which {@code make-majors.sh} and {@code
   * make-golden.sh} make.
   */
  public static byte[] read(PostgresVersion version, String name) {
    String path = "/golden/v%d/%s".formatted(version.major(), name);
    try (InputStream in = Golden.class.getResourceAsStream(path)) {
      if (in == null) {
        throw new IllegalStateException("no golden file " + path);
      }
      return name.endsWith(".gz") ? new GZIPInputStream(in).readAllBytes() : in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public static String text(String name) {
    return new String(read(name), StandardCharsets.UTF_8);
  }
}
