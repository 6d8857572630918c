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
import java.util.List;

/** How long it takes to make a branch over gRPC, durable when the call returns. */
final class BranchBenchmark implements Benchmark {
  private static final int WARM_UP = 30;
  private static final double P99_LIMIT_MILLIS = 20;

  @Override
  public void run(Workspace workspace, Report report)
      throws BenchFailure, StorageException, IOException, InterruptedException {
    Path directory = workspace.newDirectory("branch");
    List<HostPort> ports = Machine.freePorts(3);
    try (Roles roles = new Roles(directory, IngestBenchmark.settings(directory, ports));
        PageserverClient client = PageserverClient.open(ports.get(0))) {
      roles.start("pageserver", ports.get(0), "pageserver");
      // The code gets warm on another tenant, so that the measured one has the stated branches.
      createBranches(client, createTenant(workspace, client, directory, "warm-up"), WARM_UP);
      int branches = workspace.options().branches();
      Percentiles durations =
          new Percentiles(
              createBranches(
                  client, createTenant(workspace, client, directory, "measured"), branches));
      report.add(Figure.alone("branch of %d p50".formatted(branches), "ms", durations.millis(50)));
      report.add(
          Figure.within(
              "branch of %d p99".formatted(branches),
              "ms",
              durations.millis(99),
              P99_LIMIT_MILLIS));
    }
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

  private static long[] createBranches(PageserverClient client, TenantInfo tenant, int count)
      throws StorageException {
    long[] nanos = new long[count];
    for (int i = 0; i < count; i++) {
      long start = Clock.SYSTEM.monotonicNanos();
      client.createBranch(
          tenant.id(),
          Ids.newTimelineId(Ids.secureRandom()),
          "b" + i,
          "main",
          new BranchPoint.Newest());
      nanos[i] = Clock.SYSTEM.monotonicNanos() - start;
    }
    return nanos;
  }
}
