package io.coppice.pageserver.sim;

import io.coppice.common.error.StorageException;
import io.coppice.pageserver.tenant.TenantManager;
import io.coppice.pageserver.tenant.TenantManagerConfig;
import io.coppice.pageserver.tenant.TenantManagers;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.pageserver.timeline.UpkeepLimits;
import java.nio.file.Path;

/** A page server below gRPC: the production classes, and what the simulation gives them. */
final class SimServer {
  private static final int STARTS_MAX = 50;
  private static final int FAILURES_PER_MILLE_MAX = 200;

  /** Some pages, but less than there are versions of them in a few branches. */
  private static final int PAGE_CACHE_SIZE_BYTES = 12 * 8_300;

  final SimObjectStore store;
  final SimMaintenance maintenance;
  final TenantManager tenants;

  private SimServer(SimObjectStore store, SimMaintenance maintenance, TenantManager tenants) {
    this.store = store;
    this.maintenance = maintenance;
    this.tenants = tenants;
  }

  /** Starts one on a data directory, again and again until the object store lets it. */
  static SimServer start(World world, Path directory) throws StorageException {
    for (int tries = 0; ; tries++) {
      int failuresPerMille =
          world.random.nextBoolean() ? 0 : world.random.nextInt(FAILURES_PER_MILLE_MAX);
      SimObjectStore store =
          new SimObjectStore(world.bucket, world.random, failuresPerMille, world.coverage);
      store.setCalm(tries == STARTS_MAX);
      SimMaintenance maintenance = new SimMaintenance(store, world.coverage);
      try {
        TenantManager tenants =
            TenantManagers.open(config(directory), store, world.clock, maintenance);
        return new SimServer(store, maintenance, tenants);
      } catch (StorageException.Transient e) {
        Violation.check(tries < STARTS_MAX, "it does not start: %s", e);
        world.coverage.mark("a start failed");
      }
    }
  }

  private static TenantManagerConfig config(Path directory) {
    return new TenantManagerConfig(
        directory,
        1 << 20,
        64 << 20,
        3_600_000,
        1 << 14,
        1 << 20,
        PAGE_CACHE_SIZE_BYTES,
        0,
        0,
        0,
        1,
        new UpkeepLimits(2, 1000, 4, 1 << 13, 1));
  }

  Timeline timeline(SimBranch branch) throws StorageException {
    return tenants.timeline(World.id(branch));
  }

  /** Whether it is there, and not being deleted. */
  boolean has(SimBranch branch) {
    return tenants.timelines().stream()
        .anyMatch(timeline -> timeline.id().timeline().equals(branch.id));
  }

  /** Ends as it should; what can be flushed is. */
  void stop() {
    maintenance.setAtOnce(true);
    tenants.close();
  }

  /** Ends at once. */
  void crash() {
    TenantManagers.crash(tenants);
  }
}
