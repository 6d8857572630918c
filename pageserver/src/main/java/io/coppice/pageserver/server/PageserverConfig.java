package io.coppice.pageserver.server;

import io.coppice.common.objectstore.ObjectStoreConfig;
import io.coppice.common.rpc.HostPort;
import io.coppice.pageserver.gc.GcSettings;
import io.coppice.pageserver.maintenance.LayerEviction;
import io.coppice.pageserver.timeline.UpkeepLimits;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;

/**
 * What a page server needs to know.
 *
 * @param dataDir layers of this machine and temporary files; made if it is not there
 * @param listen port 0 takes a free one
 * @param safekeepers where WAL is got from; none is allowed, then nothing is
 * @param objectStore where layers are kept for good
 * @param openLayerSizeBytesMax memory at which values go to a layer file
 * @param pageCacheSizeBytes memory for pages that were read
 * @param expiryGraceMillis how long a branch that has expired can be recovered
 * @param eviction how much of the layers is kept on this machine
 * @param lsnWaitMillis how long a request waits for WAL to arrive, unless its deadline is sooner
 * @param upkeep when layers are written anew
 * @param gc how much history is kept
 * @param gcPeriod how often what is not kept is dropped; zero for never
 */
public record PageserverConfig(
    Path dataDir,
    HostPort listen,
    List<HostPort> safekeepers,
    ObjectStoreConfig objectStore,
    long openLayerSizeBytesMax,
    long pageCacheSizeBytes,
    long expiryGraceMillis,
    LayerEviction.Limits eviction,
    long lsnWaitMillis,
    UpkeepLimits upkeep,
    GcSettings gc,
    Duration gcPeriod) {

  public static final long OPEN_LAYER_SIZE_BYTES_DEFAULT = 256L << 20;
  public static final long PAGE_CACHE_SIZE_BYTES_DEFAULT = 128L << 20;
  public static final long EXPIRY_GRACE_MILLIS_DEFAULT = 86_400_000;
  public static final long LSN_WAIT_MILLIS_DEFAULT = 30_000;
  public static final Duration GC_PERIOD_DEFAULT = Duration.ofHours(1);

  public PageserverConfig {
    safekeepers = List.copyOf(safekeepers);
    if (gcPeriod.isNegative()) {
      throw new IllegalArgumentException("gcPeriod (%s) must not be negative".formatted(gcPeriod));
    }
    if (openLayerSizeBytesMax < 1
        || pageCacheSizeBytes < 0
        || lsnWaitMillis < 0
        || expiryGraceMillis < 0) {
      throw new IllegalArgumentException(
          ("openLayerSizeBytesMax (%d) must be positive, pageCacheSizeBytes (%d),"
                  + " lsnWaitMillis (%d) and expiryGraceMillis (%d) not negative")
              .formatted(
                  openLayerSizeBytesMax, pageCacheSizeBytes, lsnWaitMillis, expiryGraceMillis));
    }
  }

  /** Defaults for all limits. */
  public static PageserverConfig of(
      Path dataDir, HostPort listen, List<HostPort> safekeepers, ObjectStoreConfig objectStore) {
    return new PageserverConfig(
        dataDir,
        listen,
        safekeepers,
        objectStore,
        OPEN_LAYER_SIZE_BYTES_DEFAULT,
        PAGE_CACHE_SIZE_BYTES_DEFAULT,
        EXPIRY_GRACE_MILLIS_DEFAULT,
        LayerEviction.Limits.NONE,
        LSN_WAIT_MILLIS_DEFAULT,
        UpkeepLimits.DEFAULTS,
        GcSettings.DEFAULTS,
        GC_PERIOD_DEFAULT);
  }
}
