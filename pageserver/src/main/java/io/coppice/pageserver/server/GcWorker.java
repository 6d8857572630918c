package io.coppice.pageserver.server;

import io.coppice.common.error.StorageException;
import io.coppice.pageserver.gc.GcSettings;
import io.coppice.pageserver.tenant.TenantInfo;
import io.coppice.pageserver.tenant.TenantManager;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Collects the garbage of all tenants every so often, on a thread of its own. */
final class GcWorker implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(GcWorker.class);
  private static final long CLOSE_MILLIS_MAX = 30_000;

  private final ScheduledThreadPoolExecutor executor =
      new ScheduledThreadPoolExecutor(
          1, task -> Thread.ofPlatform().name("gc").daemon().unstarted(task));

  private GcWorker() {}

  /** Begins one period from now; never if that is zero. */
  static GcWorker start(TenantManager tenants, GcSettings settings, Duration period) {
    GcWorker worker = new GcWorker();
    if (!period.isZero()) {
      var _ =
          worker.executor.scheduleWithFixedDelay(
              () -> run(tenants, settings),
              period.toMillis(),
              period.toMillis(),
              TimeUnit.MILLISECONDS);
    }
    return worker;
  }

  private static void run(TenantManager tenants, GcSettings settings) {
    for (TenantInfo tenant : tenants.tenants()) {
      try {
        var _ = tenants.garbage().run(tenant.id(), Optional.empty(), settings, false);
      } catch (StorageException e) {
        log.warn("garbage of tenant {} is not collected: {}", tenant.name(), e.getMessage());
      } catch (RuntimeException e) {
        log.error("collecting the garbage of tenant {} failed", tenant.name(), e);
      }
    }
  }

  /** Ends; a run that is under way is waited for. */
  @Override
  public void close() {
    executor.shutdown();
    try {
      if (!executor.awaitTermination(CLOSE_MILLIS_MAX, TimeUnit.MILLISECONDS)) {
        log.warn("garbage collection did not end within {} ms", CLOSE_MILLIS_MAX);
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }
}
