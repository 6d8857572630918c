package io.coppice.pageserver.query;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.RelationTag;
import io.coppice.common.key.Key;
import io.coppice.pageserver.timeline.Timeline;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLongArray;
import org.jspecify.annotations.Nullable;

/**
 * Sizes of a timeline's relations, remembered for reads. Thread safe.
 *
 * <p>A size that was read at an LSN holds at later LSNs until WAL changes it. Ingest says so with
 * {@link #changed} before the change can be read; relations share {@link #STRIPES} places in which
 * the LSN of the last change is kept, so that what is forgotten here costs a read but is never
 * wrong. A size is never used for an earlier LSN than it was read at.
 */
public final class RelationSizes {
  private static final int RELATIONS_MAX = 10_000;
  private static final int STRIPES = 256;

  private record Known(Lsn readAt, @Nullable RelationState state) {}

  private final Timeline timeline;
  private final AtomicLongArray lastChange = new AtomicLongArray(STRIPES);
  private final Cache<RelationTag, Known> known =
      Caffeine.newBuilder().maximumSize(RELATIONS_MAX).executor(Runnable::run).build();

  public RelationSizes(Timeline timeline) {
    this.timeline = timeline;
    long now = timeline.lastRecordLsn().value();
    for (int i = 0; i < STRIPES; i++) {
      lastChange.set(i, now);
    }
  }

  /** The size of a fork is another from that LSN on. Called by the timeline's writer only. */
  public void changed(RelationTag tag, Lsn lsn) {
    lastChange.set(stripe(tag), lsn.value());
  }

  /** The state of a fork; empty if it does not exist at that LSN. */
  public Optional<RelationState> find(RelationTag tag, Lsn lsn) throws StorageException {
    Known found = known.getIfPresent(tag);
    if (found == null || !holds(found, tag, lsn)) {
      Optional<byte[]> value = timeline.get(Key.relationSize(tag), lsn);
      RelationState state = value.isEmpty() ? null : RelationState.read(value.get());
      found = new Known(lsn, state == null || state.dropped() ? null : state);
      known.put(tag, found);
    }
    return Optional.ofNullable(found.state);
  }

  /** Whether {@link #find} would answer from memory. */
  public boolean isKnown(RelationTag tag, Lsn lsn) {
    Known found = known.getIfPresent(tag);
    return found != null && holds(found, tag, lsn);
  }

  private boolean holds(Known found, RelationTag tag, Lsn lsn) {
    return lsn.equals(found.readAt)
        || (lsn.isAfter(found.readAt)
            && Long.compareUnsigned(lastChange.get(stripe(tag)), found.readAt.value()) <= 0);
  }

  private static int stripe(RelationTag tag) {
    int hash = tag.hashCode() * 0x9E37_79B1;
    return hash >>> 24;
  }
}
