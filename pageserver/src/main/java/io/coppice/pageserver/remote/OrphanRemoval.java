package io.coppice.pageserver.remote;

import io.coppice.common.error.StorageException;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.common.platform.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/**
 * Which objects that no index names are deleted: those that were written so long ago that nobody
 * can be about to name them. A page server uploads a layer first, and names it after.
 */
public final class OrphanRemoval {
  /** Shorter times are refused: an upload may take that long, with all its tries. */
  public static final Duration AGE_MIN = Duration.ofHours(1);

  private final ObjectStore store;
  private final Clock clock;
  private final Optional<Duration> olderThan;

  /**
   * Of one store.
   *
   * @param olderThan empty if none is to be deleted; at least {@link #AGE_MIN}
   */
  public OrphanRemoval(ObjectStore store, Clock clock, Optional<Duration> olderThan) {
    this.store = store;
    this.clock = clock;
    this.olderThan = olderThan;
  }

  /** Whether it is old enough; not if the store does not say how old it is. */
  boolean isDue(String name) throws StorageException {
    if (olderThan.isEmpty()) {
      return false;
    }
    Optional<Instant> writtenAt = store.writtenAt(name);
    return writtenAt.isPresent() && writtenAt.get().plus(olderThan.get()).isBefore(clock.now());
  }
}
