package io.coppice.bench;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Fork;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.platform.Ids;
import io.coppice.common.rpc.HostPort;
import io.coppice.compute.archive.TarPacker;
import io.coppice.compute.storage.PageserverClient;
import io.coppice.compute.storage.TenantInfo;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * Warm reads over gRPC of a table that pgbench has changed all over, beside an echo of the same
 * bytes: another process that runs the same service without storage. Warm means that the page cache
 * has room for the table and has it; how pages are read that it has not is measured before that.
 */
final class GetPagesBenchmark implements Benchmark {
  private static final int[] OUTSTANDING = {1, 8, 32};
  private static final int BATCH_PAGES = 16;
  private static final int BATCH_OUTSTANDING = 8;
  private static final int PAGE_SIZE_BYTES = 8192;
  private static final long TIMEOUT_MILLIS = 1_800_000;
  private static final String PAGE_CACHE_SIZE = "1GB";
  private static final double P99_MILLIS_MAX = 5;

  /** Rounds alternate between subject and anchor, so that a slow moment hits both. */
  private static final int ROUNDS = 3;

  @Override
  public void run(Workspace workspace, Report report)
      throws BenchFailure, StorageException, IOException, InterruptedException {
    WalArchive archive = workspace.archive();
    List<HostPort> ports = Machine.freePorts(4);
    Path directory = workspace.newDirectory("getpages");
    List<String> settings = new ArrayList<>(IngestBenchmark.settings(directory, ports));
    settings.addAll(List.of("--set", "pageserver.page_cache_size=" + PAGE_CACHE_SIZE));
    try (Roles roles = new Roles(directory, settings);
        ArchiveSafekeeper safekeeper = new ArchiveSafekeeper(archive, ports.get(1));
        PageserverClient client = PageserverClient.open(ports.get(0))) {
      roles.start("pageserver", ports.get(0), "pageserver");
      TenantInfo tenant =
          client.importTenant(
              Ids.newTenantId(Ids.secureRandom()),
              "bench",
              Ids.newTimelineId(Ids.secureRandom()),
              "main",
              out -> TarPacker.pack(archive.base(), out));
      safekeeper.announce(tenant.root().id(), tenant.systemId());
      client.waitForLsn(tenant.id(), "main", archive.end(), TIMEOUT_MILLIS);
      client.flushBranch(tenant.id(), "main");
      roles.startHelper(EchoServer.class, ports.get(3), ports.get(3).toString());
      RelationTag accounts = largestRelation(archive.base());
      int blocks = client.getRelSize(tenant.root().id(), accounts, Lsn.MAX).orElseThrow();
      Reader reader = new Reader(ports.get(0), ports.get(3), tenant.root().id(), accounts, blocks);
      double seconds = workspace.options().seconds() / (double) ROUNDS;
      report.add(Figure.alone("GetPages, page cache empty", "pages/s", reader.warm(seconds)));
      double peak = 0;
      for (int outstanding : OUTSTANDING) {
        Rates rates = reader.measure(outstanding, 1, seconds);
        report.add(rates.named("GetPages, %d outstanding", outstanding));
        peak = Math.max(peak, rates.served());
      }
      report.add(
          reader
              .measure(BATCH_OUTSTANDING, BATCH_PAGES, seconds)
              .named("GetPages, %d outstanding of 16 pages", BATCH_OUTSTANDING));
      Options options = workspace.options();
      Percentiles echoed = reader.paced(ports.get(3), peak / 2, options);
      Percentiles latency = reader.paced(ports.get(0), peak / 2, options);
      report.add(Figure.within("GetPages p99 at half", "ms", latency.millis(99), P99_MILLIS_MAX));
      report.add(Figure.alone("GetPages p99 at half, of the echo", "ms", echoed.millis(99)));
    }
  }

  private record Rates(double served, double echoed) {
    Figure named(String format, int outstanding) {
      return Figure.rate(format.formatted(outstanding), "pages/s", served, echoed);
    }
  }

  private record Reader(
      HostPort pageserver,
      HostPort echo,
      TenantTimelineId timeline,
      RelationTag relation,
      int blocks) {

    /**
     * Reads until the page cache has had time to fill, and warms the echo as well.
     *
     * @return pages per second of the first seconds
     */
    double warm(double seconds) throws BenchFailure, InterruptedException {
      double first = rate(pageserver, BATCH_OUTSTANDING, BATCH_PAGES, seconds);
      for (int round = 0; round < ROUNDS; round++) {
        var _ = rate(echo, BATCH_OUTSTANDING, BATCH_PAGES, seconds);
        var _ = rate(pageserver, BATCH_OUTSTANDING, BATCH_PAGES, seconds);
      }
      return first;
    }

    Rates measure(int outstanding, int pagesPerRequest, double seconds)
        throws BenchFailure, InterruptedException {
      double served = 0;
      double echoed = 0;
      for (int round = 0; round < ROUNDS; round++) {
        served += rate(pageserver, outstanding, pagesPerRequest, seconds);
        echoed += rate(echo, outstanding, pagesPerRequest, seconds);
      }
      return new Rates(served / ROUNDS, echoed / ROUNDS);
    }

    /** How long requests take that come at a fixed rate. */
    Percentiles paced(HostPort server, double requestsPerSecond, Options options)
        throws BenchFailure, InterruptedException {
      return PacedStream.measure(
          server,
          timeline,
          relation,
          blocks,
          requestsPerSecond,
          options.seconds() / (double) ROUNDS,
          options.seconds());
    }

    private double rate(HostPort server, int outstanding, int pagesPerRequest, double seconds)
        throws BenchFailure, InterruptedException {
      return PageStream.pagesPerSecond(
          server, timeline, relation, blocks, outstanding, pagesPerRequest, seconds);
    }
  }

  /** pgbench_accounts, without asking a server: the largest file of the databases. */
  static RelationTag largestRelation(Path base) throws IOException {
    try (Stream<Path> files =
        Files.find(base.resolve("base"), 2, (_, file) -> file.isRegularFile())) {
      Path largest =
          files
              .filter(file -> file.getFileName().toString().matches("\\d+"))
              .filter(file -> file.toFile().length() >= PAGE_SIZE_BYTES)
              .max(Comparator.comparingLong(file -> file.toFile().length()))
              .orElseThrow();
      return new RelationTag(
          RelationTag.DEFAULT_TABLESPACE_OID,
          Integer.parseInt(largest.getName(largest.getNameCount() - 2).toString()),
          Integer.parseInt(largest.getFileName().toString()),
          Fork.MAIN.number());
    }
  }
}
