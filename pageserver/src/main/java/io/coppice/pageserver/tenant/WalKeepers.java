package io.coppice.pageserver.tenant;

import io.coppice.common.id.TenantTimelineId;
import java.util.Set;

/** Whoever keeps the WAL of branches. */
@FunctionalInterface
public interface WalKeepers {
  /** There are none, so of a deleted branch no WAL is left. */
  WalKeepers NONE = Set::copyOf;

  /**
   * Has the WAL of deleted branches deleted, for good. Blocks, but not for long where one does not
   * answer.
   *
   * @return those of which it is known that nobody keeps any more; the others are asked for again
   */
  Set<TenantTimelineId> delete(Set<TenantTimelineId> branches);
}
