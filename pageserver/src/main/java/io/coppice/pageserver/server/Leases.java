package io.coppice.pageserver.server;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.platform.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;

/** LSNs that are promised to stay readable for a while. In memory: a restart forgets them. */
final class Leases {
  static final Duration DURATION = Duration.ofMinutes(10);
  private static final int LEASES_MAX = 100_000;

  private record Leased(TenantTimelineId timeline, Lsn lsn) {}

  private final Clock clock;
  private final Map<Leased, Instant> expiries = new HashMap<>();

  Leases(Clock clock) {
    this.clock = clock;
  }

  /** Makes or renews a lease. */
  synchronized Instant lease(TenantTimelineId timeline, Lsn lsn) throws StorageException.Transient {
    Instant now = clock.now();
    if (expiries.size() >= LEASES_MAX) {
      expiries.values().removeIf(expiry -> !expiry.isAfter(now));
      if (expiries.size() >= LEASES_MAX) {
        throw new StorageException.Transient("too many leases: " + LEASES_MAX);
      }
    }
    return expiries.merge(
        new Leased(timeline, lsn),
        now.plus(DURATION),
        (old, mine) -> mine.isAfter(old) ? mine : old);
  }
}
