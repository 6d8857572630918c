package io.coppice.pageserver.timeline;

/**
 * When a timeline's layers are written anew, and how.
 *
 * @param compactionThreshold level 0 layers from which on they are compacted; at least 2
 * @param level0LayersMax level 0 layers from which on what writes to the timeline is slowed down
 * @param compactionLayersMax most level 0 layers that are compacted at once
 * @param deltaLayerSizeBytesTarget bytes of values in one delta layer that a compaction writes
 * @param imageCreationThreshold delta layers over the newest image of a range of keys from which on
 *     it gets a newer one
 */
public record UpkeepLimits(
    int compactionThreshold,
    int level0LayersMax,
    int compactionLayersMax,
    long deltaLayerSizeBytesTarget,
    int imageCreationThreshold) {

  /** What is good for most. */
  public static final UpkeepLimits DEFAULTS = new UpkeepLimits(10, 40, 20, 128L << 20, 3);

  public UpkeepLimits {
    if (compactionThreshold < 2
        || level0LayersMax <= compactionThreshold
        || compactionLayersMax < compactionThreshold
        || deltaLayerSizeBytesTarget < 1
        || imageCreationThreshold < 1) {
      throw new IllegalArgumentException(
          "compaction of %d to %d layers, at most %d, delta layers of %d bytes, images over %d deltas"
              .formatted(
                  compactionThreshold,
                  compactionLayersMax,
                  level0LayersMax,
                  deltaLayerSizeBytesTarget,
                  imageCreationThreshold));
    }
  }
}
