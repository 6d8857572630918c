package io.coppice.bench;

import io.coppice.common.error.StorageException;
import io.coppice.common.platform.Clock;
import io.coppice.common.platform.Ids;
import io.coppice.common.rpc.HostPort;
import io.coppice.compute.archive.TarPacker;
import io.coppice.compute.storage.PageserverClient;
import io.coppice.compute.storage.TenantInfo;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * WAL from the wire to flushed and uploaded layers in a page server of its own process, against
 * stock Postgres replaying the same WAL.
 */
final class IngestBenchmark implements Benchmark {
  private static final double MEGABYTE = 1e6;
  private static final double MEMORY_LIMIT_MIB = 1536;
  private static final long TIMEOUT_MILLIS = 1_800_000;

  @Override
  public void run(Workspace workspace, Report report)
      throws BenchFailure, StorageException, IOException, InterruptedException {
    WalArchive archive = workspace.archive();
    double megabytes = archive.sizeBytes() / MEGABYTE;
    double anchorSeconds =
        RedoAnchor.seconds(
            workspace.programs(), workspace.runAs(), workspace.newDirectory("redo"), archive);
    List<HostPort> ports = Machine.freePorts(3);
    Path directory = workspace.newDirectory("ingest");
    List<String> settings = settings(directory, ports);
    try (Roles roles = new Roles(directory, settings);
        ArchiveSafekeeper safekeeper = new ArchiveSafekeeper(archive, ports.get(1));
        PageserverClient client = PageserverClient.open(ports.get(0))) {
      Process pageserver = roles.start("pageserver", ports.get(0), "pageserver");
      TenantInfo tenant =
          client.importTenant(
              Ids.newTenantId(Ids.secureRandom()),
              "bench",
              Ids.newTimelineId(Ids.secureRandom()),
              "main",
              out -> TarPacker.pack(archive.base(), out));
      long startNanos = Clock.SYSTEM.monotonicNanos();
      safekeeper.announce(tenant.root().id(), tenant.systemId());
      client.waitForLsn(tenant.id(), "main", archive.end(), TIMEOUT_MILLIS);
      double receivedSeconds = (Clock.SYSTEM.monotonicNanos() - startNanos) / 1e9;
      client.flushBranch(tenant.id(), "main");
      double flushedSeconds = (Clock.SYSTEM.monotonicNanos() - startNanos) / 1e9;
      double memoryMib = Machine.peakResidentBytes(pageserver.pid()) / 1048576.0;
      report.add(Figure.alone("ingest WAL", "MB", megabytes));
      report.add(
          Figure.rate(
              "ingest to flushed layers",
              "MB/s",
              megabytes / flushedSeconds,
              megabytes / anchorSeconds));
      report.add(
          Figure.rate(
              "ingest to readable",
              "MB/s",
              megabytes / receivedSeconds,
              megabytes / anchorSeconds));
      report.add(Figure.within("ingest peak memory", "MiB", memoryMib, MEMORY_LIMIT_MIB));
    }
  }

  /** A page server alone, with one safekeeper. */
  static List<String> settings(Path directory, List<HostPort> ports) {
    return List.of(
        "--data-dir",
        directory.resolve("data").toString(),
        "--set",
        "cluster.pageserver=" + ports.get(0),
        "--set",
        "cluster.safekeepers=" + ports.get(1),
        "--set",
        "status.listen=" + ports.get(2));
  }
}
