package io.coppice.pageserver.layer;

import io.coppice.common.id.Lsn;
import io.coppice.common.platform.Clock;
import java.util.ArrayList;
import java.util.List;

/** What the read of one key did, step by step, for those who ask. Not thread safe. */
public final class ReadTrace {
  private final Clock clock;
  private final List<Visit> visits = new ArrayList<>();
  private String timeline = "";
  private Lsn lsn = Lsn.INVALID;

  /**
   * A layer that was looked into.
   *
   * @param timeline it is of
   * @param lsn newest that counts there
   * @param layer its name
   * @param wasHere no download was needed
   * @param versions that were found in it
   * @param nanos how long that took, with opening and download
   */
  public record Visit(
      String timeline, Lsn lsn, String layer, boolean wasHere, int versions, long nanos) {}

  public ReadTrace(Clock clock) {
    this.clock = clock;
  }

  /** What is visited next is of this timeline, as of that LSN. */
  public void enter(String newTimeline, Lsn newLsn) {
    timeline = newTimeline;
    lsn = newLsn;
  }

  long nanos() {
    return clock.monotonicNanos();
  }

  void visited(String layer, boolean wasHere, int versions, long startNanos) {
    visits.add(new Visit(timeline, lsn, layer, wasHere, versions, nanos() - startNanos));
  }

  /** In the order in which they were made. */
  public List<Visit> visits() {
    return List.copyOf(visits);
  }
}
