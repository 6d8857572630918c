package io.coppice.bench;

import io.coppice.common.error.StorageException;
import io.coppice.compute.postgres.RunAs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** How long stock Postgres takes to replay WAL: the anchor of ingest. */
final class RedoAnchor {
  private static final Pattern ELAPSED =
      Pattern.compile("redo done at ([0-9A-F]+/[0-9A-F]+) .*elapsed: ([0-9.]+) s");

  private static final long POLL_MILLIS = 200;
  private static final int POLLS_MAX = 3_000;

  private RedoAnchor() {}

  /** Seconds of the startup process, as its log has them, without the cost of fsync. */
  static double seconds(Programs programs, RunAs runAs, Path directory, WalArchive archive)
      throws BenchFailure, StorageException, IOException, InterruptedException {
    Path data = directory.resolve("redo");
    Machine.copyTree(archive.base(), data);
    Files.createFile(data.resolve("recovery.signal"));
    copyWal(archive, data.resolve("pg_wal"));
    runAs.own(data);
    List<String> settings =
        List.of(
            "shared_buffers=2GB",
            "max_wal_size=40GB",
            "checkpoint_timeout=1h",
            "hot_standby=off",
            "fsync=off",
            "archive_mode=off",
            "recovery_target_timeline=current",
            // All WAL is there already; the setting must not be empty.
            "restore_command=false");
    try (StockServer server = StockServer.start(programs, runAs, data, settings)) {
      for (int i = 0; i < POLLS_MAX; i++) {
        Matcher matcher = ELAPSED.matcher(Files.readString(StockServer.logFile(data)));
        if (matcher.find()) {
          return Double.parseDouble(matcher.group(2));
        }
        Machine.pause(POLL_MILLIS);
      }
      throw new BenchFailure(
          "Postgres at %s told no redo time:%n%s"
              .formatted(server.address(), Files.readString(StockServer.logFile(data))));
    }
  }

  private static void copyWal(WalArchive archive, Path to) throws IOException {
    try (Stream<Path> segments = Files.list(archive.segments())) {
      for (Path segment : segments.toList()) {
        Files.copy(segment, to.resolve(segment.getFileName()), StandardCopyOption.REPLACE_EXISTING);
      }
    }
  }
}
