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

  /** The same with another size of open layers. */
  public TenantManagerConfig withOpenLayerSizeBytesMax(long sizeBytes) {
    return new TenantManagerConfig(
        dataDir,
        sizeBytes,
        openLayersSizeBytesTotalMax,
        openLayerAgeMillisMax,
        imageLayerSizeBytesTarget,
        blockCacheSizeBytes,
        pageCacheSizeBytes,
        ancestorWaitMillis,
        closeTimeoutMillis,
        expiryGraceMillis,
        indexLoadsMax,
        upkeep);
  }

  /** The same with another layout of layers. */
  public TenantManagerConfig withUpkeep(UpkeepLimits limits) {
    return new TenantManagerConfig(
        dataDir,
        openLayerSizeBytesMax,
        openLayersSizeBytesTotalMax,
        openLayerAgeMillisMax,
        imageLayerSizeBytesTarget,
        blockCacheSizeBytes,
        pageCacheSizeBytes,
        ancestorWaitMillis,
        closeTimeoutMillis,
        expiryGraceMillis,
        indexLoadsMax,
        limits);
  }

  /** The same with another time to recover what has expired. */
  public TenantManagerConfig withExpiryGraceMillis(long graceMillis) {
    return new TenantManagerConfig(
        dataDir,
        openLayerSizeBytesMax,
        openLayersSizeBytesTotalMax,
        openLayerAgeMillisMax,
        imageLayerSizeBytesTarget,
        blockCacheSizeBytes,
        pageCacheSizeBytes,
        ancestorWaitMillis,
        closeTimeoutMillis,
        graceMillis,
        indexLoadsMax,
        upkeep);
  }

  /** The same with another size of the page cache. */
  public TenantManagerConfig withPageCacheSizeBytes(long sizeBytes) {
    return new TenantManagerConfig(
        dataDir,
        openLayerSizeBytesMax,
        openLayersSizeBytesTotalMax,
        openLayerAgeMillisMax,
        imageLayerSizeBytesTarget,
        blockCacheSizeBytes,
        sizeBytes,
        ancestorWaitMillis,
        closeTimeoutMillis,
        expiryGraceMillis,
        indexLoadsMax,
        upkeep);
  }
}
