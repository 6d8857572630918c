package io.coppice.cli.server;

import io.coppice.cli.BuildInfo;
import io.coppice.cli.output.ExitCode;
import io.coppice.common.config.CoppiceConfig;
import io.coppice.common.error.StorageException;
import io.coppice.common.metrics.Metrics;
import io.coppice.common.metrics.StatusServer;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.common.objectstore.ObjectStores;
import io.coppice.common.platform.Clock;
import io.coppice.common.platform.Ids;
import io.coppice.common.rpc.HostPort;
import io.coppice.pageserver.gc.GcSettings;
import io.coppice.pageserver.maintenance.LayerEviction;
import io.coppice.pageserver.server.Pageserver;
import io.coppice.pageserver.server.PageserverConfig;
import io.coppice.pageserver.timeline.UpkeepLimits;
import io.coppice.safekeeper.server.BackupConfig;
import io.coppice.safekeeper.server.Safekeeper;
import io.coppice.safekeeper.server.SafekeeperConfig;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The storage roles of one process, closed in the opposite order of their start. One owner thread
 * starts; closing may come from another.
 */
final class RunningRoles {
  private static final Logger log = LoggerFactory.getLogger(RunningRoles.class);

  private final CoppiceConfig config;
  private final Instant startedAt;
  private final Metrics metrics = BuildInfo.load().addTo(new Metrics());
  private final Deque<AutoCloseable> opened = new ArrayDeque<>();
  private final List<Pageserver> pageservers = new CopyOnWriteArrayList<>();
  private final Map<String, String> addresses = new LinkedHashMap<>();

  /** Each says why a role cannot do its work; empty if it can. */
  private final List<Supplier<Optional<String>>> checks = new CopyOnWriteArrayList<>();

  /** Why all of them cannot; empty between the end of the start and the beginning of the end. */
  private volatile Optional<String> phase = Optional.of("starting");

  RunningRoles(CoppiceConfig config, Clock clock) {
    this.config = config;
    this.startedAt = clock.now();
    opened(metrics);
  }

  /** To be closed before all that was opened earlier. */
  synchronized void opened(AutoCloseable resource) {
    opened.push(resource);
  }

  /** Starts one safekeeper; returns where it listens. */
  HostPort startSafekeeper(int id, HostPort listen) throws StorageException, IOException {
    ObjectStore store =
        ObjectStores.open(config.objectStore(), Ids.secureRandom(), metrics.registry());
    opened(store);
    Safekeeper safekeeper =
        Safekeeper.start(
            new SafekeeperConfig(
                id,
                config.dataDir().resolve("safekeeper-" + id),
                listen,
                config.safekeeper().scrubBytesPerSecond(),
                BackupConfig.withTailAfter(config.safekeeper().backupTailAfter().toMillis())),
            Optional.of(store),
            cause -> endProcess(id, cause),
            metrics.registry());
    checks.add(safekeeper::notReady);
    opened(safekeeper);
    HostPort address = new HostPort(listen.host(), safekeeper.port());
    SafekeeperMetrics numbers = new SafekeeperMetrics(id, address);
    opened(numbers);
    metrics.add(numbers);
    listens("safekeeper_" + id, address);
    return address;
  }

  /** Takes those of the settings into use that can be changed while it runs. */
  void reload(CoppiceConfig next) {
    ServerLog.setLevel(next.logLevel());
    pageservers.forEach(pageserver -> pageserver.setEviction(evictionLimits(next)));
  }

  private static LayerEviction.Limits evictionLimits(CoppiceConfig config) {
    return new LayerEviction.Limits(
        config.pageserver().diskCacheSizeBytesMax(),
        config.pageserver().diskCacheIdleMax().toMillis());
  }

  private void listens(String role, HostPort address) {
    synchronized (addresses) {
      addresses.put(role, address.toString());
    }
  }

  /**
   * A safekeeper that cannot trust its disk, or itself, must not answer any more; whoever watches
   * over the process sees it end. What was acknowledged is on disk, so nothing needs to be closed.
   */
  private static void endProcess(int id, Throwable cause) {
    log.error("safekeeper {} cannot go on, the process ends: {}", id, cause.toString(), cause);
    Runtime.getRuntime().halt(ExitCode.INTERNAL.number());
  }

  /** Starts all safekeepers of the configuration. */
  List<HostPort> startSafekeepers() throws StorageException, IOException {
    List<HostPort> listen = config.cluster().safekeepers();
    List<HostPort> started = new ArrayList<>();
    for (int i = 0; i < listen.size(); i++) {
      started.add(startSafekeeper(i + 1, listen.get(i)));
    }
    return started;
  }

  private static UpkeepLimits upkeep(CoppiceConfig.Upkeep upkeep) {
    return new UpkeepLimits(
        upkeep.compactionThreshold(),
        upkeep.level0LayersMax(),
        2 * upkeep.compactionThreshold(),
        upkeep.deltaLayerSizeBytes(),
        upkeep.imageCreationThreshold());
  }

  /** Starts the page server; returns where it listens. */
  HostPort startPageserver(List<HostPort> safekeepers) throws StorageException, IOException {
    HostPort listen = config.cluster().pageserver();
    Pageserver pageserver =
        Pageserver.start(
            new PageserverConfig(
                config.dataDir().resolve("pageserver"),
                listen,
                safekeepers,
                config.objectStore(),
                config.pageserver().openLayerSizeBytesMax(),
                config.pageserver().pageCacheSizeBytes(),
                config.pageserver().expiryGrace().toMillis(),
                evictionLimits(config),
                config.pageserver().lsnWait().toMillis(),
                upkeep(config.pageserver().upkeep()),
                new GcSettings(config.pageserver().pitr(), config.pageserver().gcHorizonBytes()),
                config.pageserver().gcPeriod()),
            metrics.registry());
    opened(pageserver);
    pageservers.add(pageserver);
    HostPort address = new HostPort(listen.host(), pageserver.port());
    metrics.add(pageserver.branchMetrics());
    Readiness readiness = new Readiness(safekeepers);
    opened(readiness);
    checks.add(readiness::notReady);
    listens("pageserver", address);
    return address;
  }

  /**
   * Serves health, metrics and status; to be called before roles are started, so that it can be
   * seen how that goes on.
   *
   * @param portOffset keeps the roles of one machine apart
   */
  HostPort startStatus(int portOffset) throws IOException {
    HostPort listen = config.statusListen();
    int port = listen.port() == 0 ? 0 : listen.port() + portOffset;
    StatusServer server =
        StatusServer.start(
            new HostPort(listen.host(), port), metrics, this::notReady, this::status);
    opened(server);
    return new HostPort(listen.host(), server.port());
  }

  /** All that is to be started is. */
  void started() {
    phase = Optional.empty();
  }

  private Optional<String> notReady() {
    return phase.or(() -> checks.stream().map(Supplier::get).flatMap(Optional::stream).findFirst());
  }

  private Map<String, Object> status() {
    BuildInfo build = BuildInfo.load();
    Map<String, Object> status = new LinkedHashMap<>();
    status.put("version", build.version());
    status.put("commit", build.commit());
    status.put("pid", ProcessHandle.current().pid());
    status.put("started_at", startedAt.toString());
    status.put("data_dir", config.dataDir().toString());
    synchronized (addresses) {
      status.put("listening", new LinkedHashMap<>(addresses));
    }
    return status;
  }

  /** Closes everything, whatever fails; false if something did. */
  synchronized boolean close() {
    phase = Optional.of("stopping");
    boolean clean = true;
    while (!opened.isEmpty()) {
      try {
        opened.pop().close();
      } catch (Exception e) {
        log.error("could not close", e);
        clean = false;
      }
    }
    return clean;
  }
}
