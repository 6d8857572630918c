package io.coppice.bench;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.platform.Clock;
import io.coppice.common.platform.Ids;
import io.coppice.common.rpc.HostPort;
import io.coppice.compute.archive.TarPacker;
import io.coppice.compute.storage.PageserverClient;
import io.coppice.compute.storage.TenantInfo;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A page server in a process of its own, and a safekeeper that has the WAL of an archive. */
final class IngestRun implements AutoCloseable {
  private static final long TIMEOUT_MILLIS = 1_800_000;

  private final WalArchive archive;
  private final Roles roles;
  private final ArchiveSafekeeper safekeeper;
  private final PageserverClient client;
  private final Process pageserver;
  private int tenants;

  /**
   * @param readableSeconds until all WAL could be read
   * @param flushedSeconds until all of it was in layers that the durable index names
   */
  record Times(double readableSeconds, double flushedSeconds) {}

  /** Is told that so many bytes of WAL have been taken in. */
  interface Milestone {
    void reached(long walBytes) throws IOException;
  }

  private IngestRun(
      WalArchive archive,
      Roles roles,
      ArchiveSafekeeper safekeeper,
      PageserverClient client,
      Process pageserver) {
    this.archive = archive;
    this.roles = roles;
    this.safekeeper = safekeeper;
    this.client = client;
    this.pageserver = pageserver;
  }

  static IngestRun start(WalArchive archive, Path directory)
      throws BenchFailure, IOException, InterruptedException {
    List<HostPort> ports = Machine.freePorts(3);
    List<String> settings = new ArrayList<>(IngestBenchmark.settings(directory, ports));
    settings.addAll(List.of("--set", "pageserver.lsn_wait=" + TIMEOUT_MILLIS / 1_000 + "s"));
    Roles roles = new Roles(directory, settings);
    ArchiveSafekeeper safekeeper = new ArchiveSafekeeper(archive, ports.get(1));
    try {
      Process pageserver = roles.start("pageserver", ports.get(0), "pageserver");
      return new IngestRun(
          archive, roles, safekeeper, PageserverClient.open(ports.get(0)), pageserver);
    } catch (BenchFailure | IOException | InterruptedException e) {
      roles.close();
      safekeeper.close();
      throw e;
    }
  }

  /** Imports the archive's base as one more tenant, and takes all WAL in. */
  Times ingest() throws StorageException, IOException, InterruptedException {
    return ingest(Long.MAX_VALUE, _ -> {});
  }

  /** As the other, and tells after each so many bytes. */
  Times ingest(long milestoneBytes, Milestone milestone)
      throws StorageException, IOException, InterruptedException {
    TenantInfo tenant =
        client.importTenant(
            Ids.newTenantId(Ids.secureRandom()),
            "bench-" + tenants++,
            Ids.newTimelineId(Ids.secureRandom()),
            "main",
            out -> TarPacker.pack(archive.base(), out));
    long startNanos = Clock.SYSTEM.monotonicNanos();
    safekeeper.announce(tenant.root().id(), tenant.systemId());
    for (long bytes = milestoneBytes; bytes < archive.sizeBytes(); bytes += milestoneBytes) {
      Lsn lsn = archive.start().plus(bytes);
      client.waitForLsn(tenant.id(), "main", lsn, TIMEOUT_MILLIS);
      milestone.reached(bytes);
    }
    client.waitForLsn(tenant.id(), "main", archive.end(), TIMEOUT_MILLIS);
    double readable = secondsSince(startNanos);
    client.flushBranch(tenant.id(), "main");
    return new Times(readable, secondsSince(startNanos));
  }

  private static double secondsSince(long startNanos) {
    return (Clock.SYSTEM.monotonicNanos() - startNanos) / 1e9;
  }

  /** The most memory that the page server has had resident. */
  double peakMebibytes() throws IOException {
    return Machine.peakResidentBytes(pageserver.pid()) / 1048576.0;
  }

  @Override
  public void close() {
    client.close();
    safekeeper.close();
    roles.close();
  }
}
