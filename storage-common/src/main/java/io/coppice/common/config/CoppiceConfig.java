package io.coppice.common.config;

import io.coppice.common.config.ConfigType.LogFormat;
import io.coppice.common.config.ConfigType.LogLevel;
import io.coppice.common.error.StorageException;
import io.coppice.common.objectstore.ObjectStoreConfig;
import io.coppice.common.objectstore.ObjectStoreUrl;
import io.coppice.common.objectstore.S3Access;
import io.coppice.common.rpc.HostPort;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * All settings, typed. The file {@value #FILE_NAME} in the data directory is read unless another
 * one is named.
 */
public record CoppiceConfig(
    Path dataDir,
    Cluster cluster,
    ObjectStoreConfig objectStore,
    Pageserver pageserver,
    Safekeeper safekeeper,
    HostPort statusListen,
    Endpoint endpoint,
    LogLevel logLevel,
    LogFormat logFormat) {
  public static final String FILE_NAME = "coppice.toml";

  private static final int SAFEKEEPERS_MAX = 9;
  private static final long DELTA_LAYER_SIZE_BYTES_MIN = 64 << 10;

  /** Who is where. */
  public record Cluster(HostPort pageserver, List<HostPort> safekeepers) {
    public Cluster {
      safekeepers = List.copyOf(safekeepers);
    }
  }

  /** Settings of the page server alone. */
  public record Pageserver(
      long openLayerSizeBytesMax,
      long pageCacheSizeBytes,
      Duration lsnWait,
      Duration expiryGrace,
      long diskCacheSizeBytesMax,
      Duration diskCacheIdleMax,
      Upkeep upkeep,
      Duration pitr,
      long gcHorizonBytes,
      Duration gcPeriod) {}

  /** When a page server writes layers anew. */
  public record Upkeep(
      int compactionThreshold,
      int level0LayersMax,
      long deltaLayerSizeBytes,
      int imageCreationThreshold) {}

  /** Settings of the safekeepers alone. */
  public record Safekeeper(long scrubBytesPerSecond, Duration backupTailAfter) {}

  /** Settings of the computes on this machine. */
  public record Endpoint(Optional<Path> pgBin, Duration startTimeout, HostPort statusListen) {}

  /**
   * Types the settings.
   *
   * @param defaultDataDir for the case that no setting names one
   * @throws StorageException.Invalid if settings do not fit each other
   */
  public static CoppiceConfig of(Settings settings, Path defaultDataDir) throws StorageException {
    Path dataDir = settings.get(ConfigKeys.DATA_DIR).orElse(defaultDataDir).toAbsolutePath();
    List<HostPort> safekeepers = settings.get(ConfigKeys.CLUSTER_SAFEKEEPERS);
    if (safekeepers.size() % 2 == 0 || safekeepers.size() > SAFEKEEPERS_MAX) {
      throw new StorageException.Invalid(
          "%s: %s: %d safekeepers are listed (a quorum wants an odd number, at most %d)"
              .formatted(
                  settings.origin(ConfigKeys.CLUSTER_SAFEKEEPERS),
                  ConfigKeys.CLUSTER_SAFEKEEPERS.name(),
                  safekeepers.size(),
                  SAFEKEEPERS_MAX));
    }
    return new CoppiceConfig(
        dataDir.normalize(),
        new Cluster(settings.get(ConfigKeys.CLUSTER_PAGESERVER), safekeepers),
        objectStore(settings, dataDir.normalize()),
        new Pageserver(
            settings.get(ConfigKeys.PAGESERVER_OPEN_LAYER_SIZE_MAX),
            settings.get(ConfigKeys.PAGESERVER_PAGE_CACHE_SIZE),
            settings.get(ConfigKeys.PAGESERVER_LSN_WAIT),
            settings.get(ConfigKeys.PAGESERVER_EXPIRY_GRACE),
            settings.get(ConfigKeys.PAGESERVER_DISK_CACHE_SIZE_MAX),
            settings.get(ConfigKeys.PAGESERVER_DISK_CACHE_IDLE_MAX),
            upkeep(settings),
            settings.get(ConfigKeys.PAGESERVER_PITR),
            settings.get(ConfigKeys.PAGESERVER_GC_HORIZON),
            settings.get(ConfigKeys.PAGESERVER_GC_PERIOD)),
        new Safekeeper(
            settings.get(ConfigKeys.SAFEKEEPER_SCRUB_RATE),
            settings.get(ConfigKeys.SAFEKEEPER_BACKUP_TAIL_AFTER)),
        settings.get(ConfigKeys.STATUS_LISTEN),
        new Endpoint(
            settings.get(ConfigKeys.ENDPOINT_PG_BIN),
            settings.get(ConfigKeys.ENDPOINT_START_TIMEOUT),
            settings.get(ConfigKeys.ENDPOINT_STATUS_LISTEN)),
        settings.get(ConfigKeys.LOG_LEVEL),
        settings.get(ConfigKeys.LOG_FORMAT));
  }

  private static Upkeep upkeep(Settings settings) throws StorageException {
    Upkeep upkeep =
        new Upkeep(
            settings.get(ConfigKeys.PAGESERVER_COMPACTION_THRESHOLD),
            settings.get(ConfigKeys.PAGESERVER_LEVEL0_LAYERS_MAX),
            settings.get(ConfigKeys.PAGESERVER_DELTA_LAYER_SIZE),
            settings.get(ConfigKeys.PAGESERVER_IMAGE_CREATION_THRESHOLD));
    if (upkeep.compactionThreshold < 2 || upkeep.level0LayersMax <= upkeep.compactionThreshold) {
      throw new StorageException.Invalid(
          "%s: %s (%d) is at least 2, and %s (%d) more than it"
              .formatted(
                  settings.origin(ConfigKeys.PAGESERVER_COMPACTION_THRESHOLD),
                  ConfigKeys.PAGESERVER_COMPACTION_THRESHOLD.name(),
                  upkeep.compactionThreshold,
                  ConfigKeys.PAGESERVER_LEVEL0_LAYERS_MAX.name(),
                  upkeep.level0LayersMax));
    }
    if (upkeep.deltaLayerSizeBytes < DELTA_LAYER_SIZE_BYTES_MIN) {
      throw new StorageException.Invalid(
          "%s: %s is at least %d bytes"
              .formatted(
                  settings.origin(ConfigKeys.PAGESERVER_DELTA_LAYER_SIZE),
                  ConfigKeys.PAGESERVER_DELTA_LAYER_SIZE.name(),
                  DELTA_LAYER_SIZE_BYTES_MIN));
    }
    return upkeep;
  }

  private static ObjectStoreConfig objectStore(Settings settings, Path dataDir)
      throws StorageException {
    Duration attempt = settings.get(ConfigKeys.OBJECT_STORE_S3_ATTEMPT_TIMEOUT);
    Duration call = settings.get(ConfigKeys.OBJECT_STORE_S3_CALL_TIMEOUT);
    if (attempt.isZero() || call.compareTo(attempt) < 0) {
      throw new StorageException.Invalid(
          "%s: a call (%s) takes at least as long as one attempt of it (%s), and that is not nothing"
              .formatted(
                  settings.origin(ConfigKeys.OBJECT_STORE_S3_ATTEMPT_TIMEOUT),
                  ConfigKeys.OBJECT_STORE_S3_CALL_TIMEOUT.name(),
                  ConfigKeys.OBJECT_STORE_S3_ATTEMPT_TIMEOUT.name()));
    }
    Optional<URI> endpoint = settings.get(ConfigKeys.OBJECT_STORE_S3_ENDPOINT);
    return new ObjectStoreConfig(
        settings
            .get(ConfigKeys.OBJECT_STORE_URL)
            .orElseGet(() -> new ObjectStoreUrl.Directory(dataDir.resolve("objects"))),
        new S3Access(
            endpoint,
            settings.get(ConfigKeys.OBJECT_STORE_S3_REGION),
            settings.get(ConfigKeys.OBJECT_STORE_S3_PATH_STYLE).orElse(endpoint.isPresent()),
            settings.get(ConfigKeys.OBJECT_STORE_S3_CREDENTIALS_FILE),
            attempt,
            call,
            settings.get(ConfigKeys.OBJECT_STORE_S3_REQUESTS_MAX)));
  }

  /** The same with other addresses: those that servers in fact listen on. */
  public CoppiceConfig withCluster(Cluster actual) {
    return new CoppiceConfig(
        dataDir,
        actual,
        objectStore,
        pageserver,
        safekeeper,
        statusListen,
        endpoint,
        logLevel,
        logFormat);
  }
}
