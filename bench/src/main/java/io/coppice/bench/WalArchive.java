package io.coppice.bench;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.compute.postgres.RunAs;
import io.coppice.postgres.control.ControlFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * WAL that pgbench made on a stock server, and the cleanly shut down data directory it starts from.
 *
 * @param base the data directory
 * @param segments directory with the WAL files, from the one that the base ends in on
 * @param start where the base's last checkpoint is
 * @param end where the WAL ends: the start of a segment, behind a switch
 * @param sizeBytes from the base's end to the end
 */
record WalArchive(Path base, Path segments, Lsn start, Lsn end, long sizeBytes) {
  static final int SEGMENT_SIZE_BYTES = 16 << 20;

  /** Where it begins and ends; written last. */
  private static final String POSITIONS = "positions";

  private static final int CLIENTS = 8;
  private static final int ROUND_SECONDS = 10;

  /** Keeps every segment in pg_wal and checkpoints out of the way, as tools do for an anchor. */
  private static final List<String> SETTINGS =
      List.of(
          "shared_buffers=1GB",
          "max_wal_size=40GB",
          "wal_keep_size=40GB",
          "checkpoint_timeout=1h",
          "wal_level=replica",
          "fsync=off",
          "synchronous_commit=off");

  /** What a server does between the rounds of its load. */
  enum BetweenRounds {
    NOTHING,
    /** After which each page's first change has the whole page: much WAL in little time. */
    CHECKPOINT
  }

  /** Makes one below a directory. */
  static WalArchive make(
      Programs programs,
      RunAs runAs,
      Path directory,
      Options options,
      long sizeBytesMin,
      BetweenRounds betweenRounds)
      throws BenchFailure, StorageException, IOException, InterruptedException {
    Path live = directory.resolve("live");
    Path base = directory.resolve("base");
    StockServer.initialize(programs, runAs, live);
    try (StockServer server = StockServer.start(programs, runAs, live, SETTINGS)) {
      new Pgbench(programs, directory, server.address()).initialize(options.scale());
    }
    Machine.copyTree(live, base);
    Lsn start =
        ControlFile.read(Files.readAllBytes(base.resolve(ControlFile.PATH))).checkPointLsn();
    dropOtherSegments(base, start);
    Lsn end;
    try (StockServer server = StockServer.start(programs, runAs, live, SETTINGS)) {
      Pgbench pgbench = new Pgbench(programs, directory, server.address());
      do {
        if (betweenRounds == BetweenRounds.CHECKPOINT) {
          pgbench.query("checkpoint");
        }
        pgbench.run(CLIENTS, Math.min(ROUND_SECONDS, options.seconds()));
      } while (Lsn.parse(pgbench.query("select pg_current_wal_lsn()")).minus(start) < sizeBytesMin);
      pgbench.query("select pg_switch_wal()");
      // What follows a switch is in the next segment, which does not count.
      long position = Lsn.parse(pgbench.query("select pg_current_wal_lsn()")).value();
      end = new Lsn(position - position % SEGMENT_SIZE_BYTES);
    }
    Path segments = Files.createDirectory(directory.resolve("segments"));
    for (long at = start.value() - start.value() % SEGMENT_SIZE_BYTES;
        at < end.value();
        at += SEGMENT_SIZE_BYTES) {
      String name = segmentName(new Lsn(at));
      Files.move(live.resolve("pg_wal").resolve(name), segments.resolve(name));
    }
    Files.writeString(directory.resolve(POSITIONS), start + " " + end);
    return new WalArchive(base, segments, start, end, end.minus(start));
  }

  /** One that an earlier run has made. */
  static WalArchive find(Path directory, long sizeBytesMin) throws BenchFailure, IOException {
    Path positions = directory.resolve(POSITIONS);
    if (!Files.exists(positions)) {
      throw new BenchFailure(
          "no WAL is kept in %s; name a directory that does not exist yet to have it made there"
              .formatted(directory));
    }
    List<String> words = List.of(Files.readString(positions).split(" "));
    Lsn start = Lsn.parse(words.get(0));
    Lsn end = Lsn.parse(words.get(1));
    if (end.minus(start) < sizeBytesMin) {
      throw new BenchFailure(
          "the WAL kept in %s has %d bytes, and %d are needed; name another directory"
              .formatted(directory, end.minus(start), sizeBytesMin));
    }
    return new WalArchive(
        directory.resolve("base"), directory.resolve("segments"), start, end, end.minus(start));
  }

  /** Recycled ones would be in the way. */
  private static void dropOtherSegments(Path base, Lsn checkPoint) throws IOException {
    try (Stream<Path> files = Files.list(base.resolve("pg_wal"))) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        if (!file.endsWith(segmentName(checkPoint))) {
          Files.delete(file);
        }
      }
    }
  }

  private static String segmentName(Lsn position) {
    long number = position.value() / SEGMENT_SIZE_BYTES;
    long perId = (1L << 32) / SEGMENT_SIZE_BYTES;
    return "%08X%08X%08X".formatted(1, number / perId, number % perId);
  }

  /** Where {@link #find} finds it. */
  Path directory() {
    return segments.resolveSibling("");
  }

  /** The data directory after all of it; its own copy of the WAL is elsewhere. */
  Path live() {
    return base.resolveSibling("live");
  }

  /** The file that holds a position. */
  Path segment(Lsn position) {
    return segments.resolve(segmentName(position));
  }
}
