package io.coppice.pageserver.server;

import io.coppice.pageserver.tenant.TenantManager;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Has branches that are due ended, every few seconds. */
final class Sweeper implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Sweeper.class);
  private static final long PERIOD_MILLIS = 5_000;

  private final ScheduledExecutorService executor =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().name("branch-sweep").daemon().factory());

  Sweeper(TenantManager tenants) {
    var _ =
        executor.scheduleWithFixedDelay(
            () -> sweep(tenants), PERIOD_MILLIS, PERIOD_MILLIS, TimeUnit.MILLISECONDS);
  }

  private static void sweep(TenantManager tenants) {
    try {
      tenants.sweep();
    } catch (RuntimeException e) {
      log.error("ending branches that are due failed", e);
    }
  }

  /** Ends; a sweep that is under way may still finish. */
  @Override
  public void close() {
    executor.shutdown();
  }
}
