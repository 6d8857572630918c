package io.coppice.common.config;

import io.coppice.common.config.ConfigType.LogFormat;
import io.coppice.common.config.ConfigType.LogLevel;
import io.coppice.common.objectstore.ObjectStoreUrl;
import io.coppice.common.rpc.HostPort;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Every setting there is, in the order in which they are shown. */
public final class ConfigKeys {
  public static final String ENVIRONMENT_PREFIX = "COPPICE_";

  /** Variables with the prefix that are not settings: read by the launcher, or before settings. */
  static final Set<String> RESERVED_VARIABLES =
      Set.of(
          "COPPICE_CONFIG",
          "COPPICE_HOME",
          "COPPICE_JAVA_OPTS",
          "COPPICE_TENANT",
          "COPPICE_CACHE_DIR");

  public static final ConfigKey<Optional<Path>> DATA_DIR =
      new ConfigKey<>(
          "data_dir", ConfigType.PATH, "", "Where all roles of this machine keep their files.");

  public static final ConfigKey<HostPort> CLUSTER_PAGESERVER =
      new ConfigKey<>(
          "cluster.pageserver",
          ConfigType.ADDRESS,
          "127.0.0.1:7100",
          "Where the page server listens, and where everyone else finds it.");

  public static final ConfigKey<List<HostPort>> CLUSTER_SAFEKEEPERS =
      new ConfigKey<>(
          "cluster.safekeepers",
          ConfigType.ADDRESSES,
          "127.0.0.1:7101,127.0.0.1:7102,127.0.0.1:7103",
          "Where the safekeepers listen: the first is the one with id 1, and so on.");

  public static final ConfigKey<Optional<ObjectStoreUrl>> OBJECT_STORE_URL =
      new ConfigKey<>(
          "object_store.url",
          ConfigType.OBJECT_STORE_URL,
          "",
          "Where objects are kept for good: file:///dir or s3://bucket/prefix; objects in the data"
              + " directory if not set.");

  public static final ConfigKey<Optional<URI>> OBJECT_STORE_S3_ENDPOINT =
      new ConfigKey<>(
          "object_store.s3.endpoint",
          ConfigType.HTTP_URL,
          "",
          "The S3 server, as https://host:port; that of AWS for the region if not set.");

  public static final ConfigKey<String> OBJECT_STORE_S3_REGION =
      new ConfigKey<>(
          "object_store.s3.region",
          ConfigType.WORD,
          "us-east-1",
          "The region that requests are signed for; servers other than AWS mostly take any.");

  public static final ConfigKey<Optional<Boolean>> OBJECT_STORE_S3_PATH_STYLE =
      new ConfigKey<>(
          "object_store.s3.path_style",
          ConfigType.TRUTH,
          "",
          "Whether the bucket is in the path and not in the host name; if not set, with an endpoint"
              + " it is, at AWS it is not.");

  public static final ConfigKey<Optional<Path>> OBJECT_STORE_S3_CREDENTIALS_FILE =
      new ConfigKey<>(
          "object_store.s3.credentials_file",
          ConfigType.PATH,
          "",
          "File with the keys in profile [default], as ~/.aws/credentials; the chain of the AWS SDK"
              + " if not set.");

  public static final ConfigKey<Duration> OBJECT_STORE_S3_ATTEMPT_TIMEOUT =
      new ConfigKey<>(
          "object_store.s3.attempt_timeout",
          ConfigType.DURATION,
          "10s",
          "How long one try of a request may take, besides a second for each MB.");

  public static final ConfigKey<Duration> OBJECT_STORE_S3_CALL_TIMEOUT =
      new ConfigKey<>(
          "object_store.s3.call_timeout",
          ConfigType.DURATION,
          "60s",
          "How long a request may take with all its tries, besides the time for its bytes.");

  public static final ConfigKey<Integer> OBJECT_STORE_S3_REQUESTS_MAX =
      new ConfigKey<>(
          "object_store.s3.requests_max",
          ConfigType.COUNT,
          "32",
          "How many requests of one process are under way at once; others wait.");

  public static final ConfigKey<Long> PAGESERVER_OPEN_LAYER_SIZE_MAX =
      new ConfigKey<>(
          "pageserver.open_layer_size_max",
          ConfigType.SIZE,
          "256MB",
          "Memory for WAL of one branch that is not in a layer file yet.");

  public static final ConfigKey<Long> PAGESERVER_PAGE_CACHE_SIZE =
      new ConfigKey<>(
          "pageserver.page_cache_size",
          ConfigType.SIZE,
          "128MB",
          "Memory for pages as readers got them, of all branches together; 0B: none are kept.");

  public static final ConfigKey<Duration> PAGESERVER_LSN_WAIT =
      new ConfigKey<>(
          "pageserver.lsn_wait",
          ConfigType.DURATION,
          "20s",
          "How long a request for an LSN that has not been replayed yet may wait for it.");

  public static final ConfigKey<Integer> PAGESERVER_COMPACTION_THRESHOLD =
      new ConfigKey<>(
          "pageserver.compaction_threshold",
          ConfigType.COUNT,
          "10",
          "Flushed layers of a branch from which on they are compacted; at least 2.");

  public static final ConfigKey<Integer> PAGESERVER_LEVEL0_LAYERS_MAX =
      new ConfigKey<>(
          "pageserver.level0_layers_max",
          ConfigType.COUNT,
          "40",
          "Flushed layers of a branch from which on its WAL is taken in slowly; more than"
              + " pageserver.compaction_threshold.");

  public static final ConfigKey<Long> PAGESERVER_DELTA_LAYER_SIZE =
      new ConfigKey<>(
          "pageserver.delta_layer_size",
          ConfigType.SIZE,
          "128MB",
          "Size, before compression, at which compaction begins the next layer file.");

  public static final ConfigKey<Integer> PAGESERVER_IMAGE_CREATION_THRESHOLD =
      new ConfigKey<>(
          "pageserver.image_creation_threshold",
          ConfigType.COUNT,
          "3",
          "Compacted layers over the pages of a range from which on they are written anew.");

  public static final ConfigKey<Duration> PAGESERVER_EXPIRY_GRACE =
      new ConfigKey<>(
          "pageserver.expiry_grace",
          ConfigType.DURATION,
          "24h",
          "How long a branch that has expired can be recovered before it is deleted.");

  public static final ConfigKey<Duration> PAGESERVER_PITR =
      new ConfigKey<>(
          "pageserver.pitr",
          ConfigType.DURATION,
          "7d",
          "How long the state after every commit can be read and branched from; 0s: no longer than"
              + " pageserver.gc_horizon says.");

  public static final ConfigKey<Long> PAGESERVER_GC_HORIZON =
      new ConfigKey<>(
          "pageserver.gc_horizon",
          ConfigType.SIZE,
          "64MB",
          "How much of the newest WAL of each branch stays readable, however old or new it is.");

  public static final ConfigKey<Duration> PAGESERVER_GC_PERIOD =
      new ConfigKey<>(
          "pageserver.gc_period",
          ConfigType.DURATION,
          "1h",
          "How often history is dropped that need not be kept; 0s: only when asked.");

  public static final ConfigKey<Long> PAGESERVER_DISK_CACHE_SIZE_MAX =
      new ConfigKey<>(
          "pageserver.disk_cache_size_max",
          ConfigType.SIZE,
          "0B",
          "How much the layer files on this machine may take; beyond, those that were not read for"
              + " longest go, down to nine tenths of it. 0B: no limit.");

  public static final ConfigKey<Duration> PAGESERVER_DISK_CACHE_IDLE_MAX =
      new ConfigKey<>(
          "pageserver.disk_cache_idle_max",
          ConfigType.DURATION,
          "0s",
          "How long a layer file that is not read stays on this machine; 0s: no limit.");

  public static final ConfigKey<Long> SAFEKEEPER_SCRUB_RATE =
      new ConfigKey<>(
          "safekeeper.scrub_rate",
          ConfigType.SIZE,
          "8MB",
          "How much stored WAL a safekeeper checks in a second, all the time; 0B: none.");

  public static final ConfigKey<Duration> SAFEKEEPER_BACKUP_TAIL_AFTER =
      new ConfigKey<>(
          "safekeeper.backup_tail_after",
          ConfigType.DURATION,
          "15m",
          "How long nothing is written to a branch before its last, unfinished WAL segment goes to"
              + " the object store, too.");

  public static final ConfigKey<HostPort> STATUS_LISTEN =
      new ConfigKey<>(
          "status.listen",
          ConfigType.ADDRESS,
          "127.0.0.1:7180",
          "Where /healthz, /readyz, /metrics and /v1/status are served over HTTP; a safekeeper that"
              + " runs alone adds its id to the port.");

  public static final ConfigKey<Optional<Path>> ENDPOINT_PG_BIN =
      new ConfigKey<>(
          "endpoint.pg_bin",
          ConfigType.PATH,
          "",
          "Directory with postgres and initdb; if not set, one found on the machine, else the"
              + " embedded binaries.");

  public static final ConfigKey<Duration> ENDPOINT_START_TIMEOUT =
      new ConfigKey<>(
          "endpoint.start_timeout",
          ConfigType.DURATION,
          "60s",
          "How long `endpoint start` waits for Postgres to take connections.");

  public static final ConfigKey<HostPort> ENDPOINT_STATUS_LISTEN =
      new ConfigKey<>(
          "endpoint.status_listen",
          ConfigType.ADDRESS,
          "127.0.0.1:0",
          "Where an endpoint's supervisor serves health and metrics over HTTP; port 0 takes a free"
              + " one, which `endpoint list -o json` shows.");

  public static final ConfigKey<LogLevel> LOG_LEVEL =
      new ConfigKey<>(
          "log.level",
          ConfigType.LOG_LEVEL,
          "info",
          "How much servers say on stderr; `up` says only warnings unless this is set.");

  public static final ConfigKey<LogFormat> LOG_FORMAT =
      new ConfigKey<>(
          "log.format",
          ConfigType.LOG_FORMAT,
          "text",
          "Form of what servers say on stderr: text, or json with an object on each line.");

  /** What a running page server or safekeeper takes over at SIGHUP; all else needs a restart. */
  public static final List<ConfigKey<?>> RELOADABLE =
      List.of(PAGESERVER_DISK_CACHE_SIZE_MAX, PAGESERVER_DISK_CACHE_IDLE_MAX, LOG_LEVEL);

  public static final List<ConfigKey<?>> ALL =
      List.of(
          DATA_DIR,
          CLUSTER_PAGESERVER,
          CLUSTER_SAFEKEEPERS,
          OBJECT_STORE_URL,
          OBJECT_STORE_S3_ENDPOINT,
          OBJECT_STORE_S3_REGION,
          OBJECT_STORE_S3_PATH_STYLE,
          OBJECT_STORE_S3_CREDENTIALS_FILE,
          OBJECT_STORE_S3_ATTEMPT_TIMEOUT,
          OBJECT_STORE_S3_CALL_TIMEOUT,
          OBJECT_STORE_S3_REQUESTS_MAX,
          PAGESERVER_OPEN_LAYER_SIZE_MAX,
          PAGESERVER_PAGE_CACHE_SIZE,
          PAGESERVER_LSN_WAIT,
          PAGESERVER_COMPACTION_THRESHOLD,
          PAGESERVER_LEVEL0_LAYERS_MAX,
          PAGESERVER_DELTA_LAYER_SIZE,
          PAGESERVER_IMAGE_CREATION_THRESHOLD,
          PAGESERVER_EXPIRY_GRACE,
          PAGESERVER_PITR,
          PAGESERVER_GC_HORIZON,
          PAGESERVER_GC_PERIOD,
          PAGESERVER_DISK_CACHE_SIZE_MAX,
          PAGESERVER_DISK_CACHE_IDLE_MAX,
          SAFEKEEPER_SCRUB_RATE,
          SAFEKEEPER_BACKUP_TAIL_AFTER,
          STATUS_LISTEN,
          ENDPOINT_PG_BIN,
          ENDPOINT_START_TIMEOUT,
          ENDPOINT_STATUS_LISTEN,
          LOG_LEVEL,
          LOG_FORMAT);

  private ConfigKeys() {}

  static Optional<ConfigKey<?>> find(String name) {
    return ALL.stream()
        .<ConfigKey<?>>map(key -> key)
        .filter(key -> key.name().equals(name))
        .findFirst();
  }

  static List<String> names() {
    return ALL.stream().map(ConfigKey::name).toList();
  }
}
