package io.coppice.pageserver.gc;

import io.coppice.common.id.Lsn;
import io.coppice.common.id.TimelineId;
import java.util.Optional;

/**
 * What must stay readable of a timeline, at the least: that from {@code readableFrom} on, which
 * before {@code startLsn} is the ancestor's.
 *
 * @param name for people
 */
public record History(
    TimelineId id, String name, Optional<TimelineId> ancestor, Lsn startLsn, Lsn readableFrom) {

  /** The same, where less must be. */
  public History withReadableFrom(Lsn lsn) {
    return new History(id, name, ancestor, startLsn, lsn);
  }
}
