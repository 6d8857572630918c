package io.coppice.pageserver.gc;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.platform.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * LSNs that are promised to stay readable for a while. In memory: a restart forgets them, so for as
 * long as one may last after a start, nothing is collected. Counts by the clock that does not jump.
 * Thread safe.
 */
public final class Leases {
  public static final Duration DURATION = Duration.ofMinutes(10);
  private static final int LEASES_MAX = 100_000;

  private final Clock clock;
  private final long startedMillis;
  private final Map<TenantTimelineId, Map<Lsn, Long>> expiriesMillis = new HashMap<>();
  private int count;

  public Leases(Clock clock) {
    this.clock = clock;
    this.startedMillis = clock.monotonicMillis();
  }

  /** Makes or renews a lease, and tells until when it lasts. */
  public synchronized Instant lease(TenantTimelineId timeline, Lsn lsn)
      throws StorageException.Transient {
    if (count >= LEASES_MAX) {
      expiriesMillis.values().forEach(this::removeExpired);
      expiriesMillis.values().removeIf(Map::isEmpty);
      if (count >= LEASES_MAX) {
        throw new StorageException.Transient("too many leases: " + LEASES_MAX);
      }
    }
    long expiry = clock.monotonicMillis() + DURATION.toMillis();
    if (expiriesMillis.computeIfAbsent(timeline, _ -> new HashMap<>()).put(lsn, expiry) == null) {
      count++;
    }
    return clock.now().plus(DURATION);
  }

  private void removeExpired(Map<Lsn, Long> leased) {
    long now = clock.monotonicMillis();
    int before = leased.size();
    leased.values().removeIf(expiry -> expiry <= now);
    count += leased.size() - before;
  }

  /** The oldest LSN of a timeline that is leased. */
  public synchronized Optional<Lsn> oldest(TenantTimelineId timeline) {
    Map<Lsn, Long> leased = expiriesMillis.get(timeline);
    if (leased == null) {
      return Optional.empty();
    }
    removeExpired(leased);
    return leased.keySet().stream().min(Lsn::compareTo);
  }

  /** How long leases of an earlier start may still last. */
  public Duration unknownFor() {
    long sinceMillis = clock.monotonicMillis() - startedMillis;
    return Duration.ofMillis(Math.max(0, DURATION.toMillis() - sinceMillis));
  }
}
