package io.coppice.pageserver.tenant;

import io.coppice.pageserver.timeline.TimelineLimits;
import io.coppice.pageserver.timeline.UpkeepLimits;
import java.nio.file.Path;

/**
 * Limits of the storage engine.
 *
 * @param dataDir local cache of layers; may be lost at any time
 * @param openLayerSizeBytesMax memory at which an open layer is rolled
 * @param openLayersSizeBytesTotalMax memory of all timelines' layers at which one is rolled early
 * @param openLayerAgeMillisMax age at which an open layer is rolled
 * @param imageLayerSizeBytesTarget bytes of values in one file of an import
 * @param blockCacheSizeBytes RocksDB's cache of delta blocks
 * @param pageCacheSizeBytes rebuilt pages kept in memory
 * @param ancestorWaitMillis how long a read waits for an ancestor that is catching up
 * @param closeTimeoutMillis how long closing may flush
 * @param expiryGraceMillis how long a branch that has expired can be recovered
 * @param indexLoadsMax indexes that a start reads at once
 * @param upkeep when layers are written anew
 */
public record TenantManagerConfig(
    Path dataDir,
    long openLayerSizeBytesMax,
    long openLayersSizeBytesTotalMax,
    long openLayerAgeMillisMax,
    long imageLayerSizeBytesTarget,
    long blockCacheSizeBytes,
    long pageCacheSizeBytes,
    long ancestorWaitMillis,
    long closeTimeoutMillis,
    long expiryGraceMillis,
    int indexLoadsMax,
    UpkeepLimits upkeep) {

  private static final long DAY_MILLIS = 86_400_000;
  private static final int INDEX_LOADS_MAX = 32;
  private static final long MIB = 1L << 20;

  /** Defaults for everything but the place. */
  public static TenantManagerConfig defaults(Path dataDir) {
    return new TenantManagerConfig(
        dataDir,
        256 * MIB,
        512 * MIB,
        600_000,
        256 * MIB,
        64 * MIB,
        128 * MIB,
        30_000,
        20_000,
        DAY_MILLIS,
        INDEX_LOADS_MAX,
        UpkeepLimits.DEFAULTS);
  }

  /** Those that hold for each timeline. */
  TimelineLimits limits() {
    return new TimelineLimits(
        openLayerSizeBytesMax,
        openLayersSizeBytesTotalMax,
        openLayerAgeMillisMax,
        imageLayerSizeBytesTarget,
        ancestorWaitMillis,
        upkeep);
  }

  /** Begins changed ones; all that is not set stays as it is. */
  public Change with() {
    return new Change(this);
  }

  /** Limits of which some are set anew. */
  public static final class Change {
    private final TenantManagerConfig before;
    private long openLayerSizeBytesMax;
    private long pageCacheSizeBytes;
    private long expiryGraceMillis;
    private UpkeepLimits upkeep;

    private Change(TenantManagerConfig before) {
      this.before = before;
      openLayerSizeBytesMax = before.openLayerSizeBytesMax;
      pageCacheSizeBytes = before.pageCacheSizeBytes;
      expiryGraceMillis = before.expiryGraceMillis;
      upkeep = before.upkeep;
    }

    public Change openLayerSizeBytesMax(long sizeBytes) {
      openLayerSizeBytesMax = sizeBytes;
      return this;
    }

    public Change pageCacheSizeBytes(long sizeBytes) {
      pageCacheSizeBytes = sizeBytes;
      return this;
    }

    public Change expiryGraceMillis(long graceMillis) {
      expiryGraceMillis = graceMillis;
      return this;
    }

    public Change upkeep(UpkeepLimits limits) {
      upkeep = limits;
      return this;
    }

    /** The changed limits. */
    public TenantManagerConfig build() {
      return new TenantManagerConfig(
          before.dataDir,
          openLayerSizeBytesMax,
          before.openLayersSizeBytesTotalMax,
          before.openLayerAgeMillisMax,
          before.imageLayerSizeBytesTarget,
          before.blockCacheSizeBytes,
          pageCacheSizeBytes,
          before.ancestorWaitMillis,
          before.closeTimeoutMillis,
          expiryGraceMillis,
          before.indexLoadsMax,
          upkeep);
    }
  }
}
