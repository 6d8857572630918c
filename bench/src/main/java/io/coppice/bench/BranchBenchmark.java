package io.coppice.bench;

import io.coppice.common.error.StorageException;
import io.coppice.common.platform.Clock;
import io.coppice.common.platform.Ids;
import io.coppice.common.rpc.HostPort;
import io.coppice.compute.bootstrap.BootstrapSpec;
import io.coppice.compute.bootstrap.ClusterBootstrap;
import io.coppice.compute.storage.BranchPoint;
import io.coppice.compute.storage.PageserverClient;
import io.coppice.compute.storage.TenantInfo;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * How long it takes to make a branch over gRPC, durable when the call returns: the first of a
 * tenant, and those beyond thousands. And what so many cost: memory of the page server for each,
 * its next start, and a list of them.
 */
final class BranchBenchmark implements Benchmark {
  private static final int WARM_UP = 200;
  private static final int CONNECTIONS = 4;
  private static final double P99_LIMIT_MILLIS = 20;
  private static final double MANY_P99_LIMIT_MILLIS = 10;
  private static final double MEMORY_LIMIT_KIB = 20;
  private static final double START_LIMIT_SECONDS = 10;

  @Override
  public void run(Workspace workspace, Report report)
      throws BenchFailure, StorageException, IOException, InterruptedException {
    Path directory = workspace.newDirectory("branch");
    List<HostPort> ports = Machine.freePorts(3);
    try (Roles roles = new Roles(directory, IngestBenchmark.settings(directory, ports));
        PageserverClient client = PageserverClient.open(ports.get(0))) {
      Process server = roles.start("pageserver", ports.get(0), "pageserver");
      // The code gets warm on another tenant, so that the measured one has the stated branches.
      createBranches(client, createTenant(workspace, client, directory, "warm-up"), 0, WARM_UP);
      TenantInfo tenant = createTenant(workspace, client, directory, "measured");
      int few = workspace.options().branches();
      int many = workspace.options().manyBranches();
      int measured = workspace.options().measuredBranches();
      add(report, few, createBranches(client, tenant, 0, few), P99_LIMIT_MILLIS);
      Memory before = Memory.of(server);
      createAtOnce(ports.get(0), tenant, few, many - measured);
      add(
          report,
          many,
          createBranches(client, tenant, many - measured, measured),
          MANY_P99_LIMIT_MILLIS);
      addMemory(report, before, Memory.of(server), many - few);
      Roles.stop(server);
      long startNanos = Clock.SYSTEM.monotonicNanos();
      roles.start("pageserver-again", ports.get(0), "pageserver");
      report.add(
          Figure.within(
              "start with %d branches".formatted(many),
              "s",
              secondsSince(startNanos),
              START_LIMIT_SECONDS));
      addList(report, ports.get(0), tenant, many);
    }
  }

  private static void add(Report report, int branches, long[] nanos, double limitMillis) {
    Percentiles durations = new Percentiles(nanos);
    report.add(Figure.alone("branch of %d p50".formatted(branches), "ms", durations.millis(50)));
    report.add(
        Figure.within(
            "branch of %d p99".formatted(branches), "ms", durations.millis(99), limitMillis));
  }

  private static void addMemory(Report report, Memory before, Memory after, int branches) {
    report.add(
        Figure.within(
            "heap of an idle branch",
            "KiB",
            (double) (after.heapKib() - before.heapKib()) / branches,
            MEMORY_LIMIT_KIB));
    report.add(
        Figure.within(
            "resident memory of an idle branch",
            "KiB",
            (double) (after.residentKib() - before.residentKib()) / branches,
            MEMORY_LIMIT_KIB));
  }

  /** From another connection, which the page server's new start needs in any case. */
  private static void addList(Report report, HostPort address, TenantInfo tenant, int branches)
      throws BenchFailure, StorageException {
    try (PageserverClient client = PageserverClient.open(address)) {
      long startNanos = Clock.SYSTEM.monotonicNanos();
      int listed = client.listBranches(tenant.id()).size();
      double seconds = secondsSince(startNanos);
      if (listed != branches + 1) {
        throw new BenchFailure("%d branches are listed, not %d".formatted(listed, branches + 1));
      }
      report.add(Figure.alone("list of %d branches".formatted(branches), "s", seconds));
    }
  }

  private static double secondsSince(long startNanos) {
    return (Clock.SYSTEM.monotonicNanos() - startNanos) / 1e9;
  }

  private static TenantInfo createTenant(
      Workspace workspace, PageserverClient client, Path directory, String name)
      throws StorageException, InterruptedException {
    return ClusterBootstrap.create(
        BootstrapSpec.of(
            Ids.newTenantId(Ids.secureRandom()),
            name,
            Ids.newTimelineId(Ids.secureRandom()),
            workspace.programs().installation(),
            workspace.runAs(),
            directory.resolve(name)),
        client,
        Clock.SYSTEM);
  }

  private static long[] createBranches(
      PageserverClient client, TenantInfo tenant, int first, int count) throws StorageException {
    long[] nanos = new long[count];
    for (int i = 0; i < count; i++) {
      long start = Clock.SYSTEM.monotonicNanos();
      client.createBranch(
          tenant.id(),
          Ids.newTimelineId(Ids.secureRandom()),
          "b" + (first + i),
          "main",
          new BranchPoint.Newest());
      nanos[i] = Clock.SYSTEM.monotonicNanos() - start;
    }
    return nanos;
  }

  /** Makes branches of these numbers on several connections. */
  private static void createAtOnce(HostPort address, TenantInfo tenant, int first, int toExclusive)
      throws BenchFailure, InterruptedException {
    List<Callable<long[]>> parts = new ArrayList<>();
    int share = (toExclusive - first + CONNECTIONS - 1) / CONNECTIONS;
    for (int from = first; from < toExclusive; from += share) {
      int begin = from;
      int count = Math.min(share, toExclusive - from);
      parts.add(() -> {
        try (PageserverClient client = PageserverClient.open(address)) {
          return createBranches(client, tenant, begin, count);
        }
      });
    }
    try (ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor()) {
      for (Future<long[]> part : executor.invokeAll(parts)) {
        var _ = part.get();
      }
    } catch (ExecutionException e) {
      throw new BenchFailure("branches could not be made: " + e.getCause());
    }
  }
}
