package io.coppice.pageserver.timeline;

import io.coppice.common.id.Lsn;

/**
 * A layer, as shown to people.
 *
 * @param name file name; a description for layers in memory
 * @param endLsn exclusive
 * @param isResident its file is on this machine, or it is in memory
 */
public record LayerInfo(
    String name, Kind kind, long sizeBytes, Lsn startLsn, Lsn endLsn, boolean isResident) {

  /** What a layer is made of. */
  public enum Kind {
    MEMORY,
    DELTA,
    IMAGE
  }
}
