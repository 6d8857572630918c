package io.coppice.bench;

import io.coppice.common.error.StorageException;
import io.coppice.common.objectstore.LocalObjectStore;
import io.coppice.common.platform.Clock;
import io.coppice.common.platform.Ids;
import io.coppice.pageserver.tenant.TenantManager;
import io.coppice.pageserver.tenant.TenantManagerConfig;
import io.coppice.pageserver.timeline.Timeline;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A page server's storage that takes WAL in from files, as stock Postgres's redo does: decoded, put
 * into layers, these flushed, uploaded, and in the index. In a process of its own, with the memory
 * that a page server has.
 */
final class FileIngest {
  private static final Pattern ROUND = Pattern.compile("round [0-9]+ took ([0-9.]+) s");

  private FileIngest() {}

  /** Seconds of each round of the same WAL; the first is that of a process that just started. */
  static List<Double> seconds(WalArchive archive, Path directory, int rounds)
      throws BenchFailure, IOException, InterruptedException {
    try (Roles roles = new Roles(directory, List.of())) {
      String output =
          roles.runHelper(
              FileIngest.class,
              archive.directory().toString(),
              directory.toString(),
              Integer.toString(rounds));
      List<Double> seconds = new ArrayList<>();
      for (Matcher round = ROUND.matcher(output); round.find(); ) {
        seconds.add(Double.parseDouble(round.group(1)));
      }
      if (seconds.size() != rounds) {
        throw new BenchFailure("%d rounds were told of: %s".formatted(seconds.size(), output));
      }
      return seconds;
    }
  }

  /** The arguments are the archive's directory, one to work in, and how many rounds. */
  public static void main(String[] arguments)
      throws BenchFailure, StorageException, IOException, InterruptedException {
    WalArchive archive = WalArchive.find(Path.of(arguments[0]), 0);
    Path directory = Path.of(arguments[1]);
    TenantManagerConfig config = TenantManagerConfig.defaults(directory.resolve("pageserver"));
    try (LocalObjectStore objects =
            LocalObjectStore.open(directory.resolve("objects"), Ids.secureRandom());
        TenantManager tenants = TenantManager.open(config, objects, Clock.SYSTEM)) {
      for (int round = 1; round <= Integer.parseInt(arguments[2]); round++) {
        Timeline timeline = ArchiveLoad.importBase(tenants, archive, directory, round);
        long startNanos = Clock.SYSTEM.monotonicNanos();
        var _ = ArchiveLoad.ingest(timeline, archive);
        double seconds = (Clock.SYSTEM.monotonicNanos() - startNanos) / 1e9;
        System.out.printf("round %d took %.3f s%n", round, seconds);
      }
    }
  }
}
