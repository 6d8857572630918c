package io.coppice.pageserver.timeline;

import io.coppice.common.id.Lsn;
import io.coppice.pageserver.layer.ReadTrace;
import java.util.List;

/**
 * How the value of one key came to be.
 *
 * @param visits layers that were looked into
 * @param versions what was found, newest first; the page is the last, with all before it applied
 * @param collectNanos how long finding them took, with waits for ancestors and downloads
 * @param redoNanos how long applying them took
 * @param problem why there is no page; empty if there is one, or nothing was ever written
 */
public record PageExplanation(
    List<ReadTrace.Visit> visits,
    List<Version> versions,
    long collectNanos,
    long redoNanos,
    String problem) {

  public PageExplanation {
    visits = List.copyOf(visits);
    versions = List.copyOf(versions);
  }

  /**
   * A stored value.
   *
   * @param kind such as {@code image}, or the name of a record
   */
  public record Version(Lsn lsn, String kind, int sizeBytes) {}
}
