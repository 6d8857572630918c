package io.coppice.pageserver.tenant;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.common.platform.Clock;
import io.coppice.pageserver.timeline.Maintenance;

/** For tests elsewhere: what only a simulation does to a manager. */
public final class TenantManagers {
  private TenantManagers() {}

  public static TenantManager open(
      TenantManagerConfig config, ObjectStore store, Clock clock, Maintenance maintenance)
      throws StorageException {
    return TenantManager.open(config, store, clock, maintenance);
  }

  /** Where a branch at an LSN begins. */
  public static Lsn recordBoundary(Lsn lsn, int segmentSizeBytes) {
    return NewTimelines.recordBoundary(lsn, segmentSizeBytes);
  }

  /** Lets go of everything as a crash would. */
  public static void crash(TenantManager manager) {
    manager.abandon();
  }
}
