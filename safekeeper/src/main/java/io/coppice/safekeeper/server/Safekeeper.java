package io.coppice.safekeeper.server;

import io.coppice.common.error.StorageException;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.common.platform.Clock;
import io.coppice.common.platform.Ids;
import io.coppice.common.rpc.EventLoops;
import io.coppice.common.rpc.RpcServer;
import io.coppice.proto.v1.TimelineStatusResponse;
import io.coppice.safekeeper.consensus.NodeId;
import io.coppice.safekeeper.wal.DataDirectory;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.composite.CompositeMeterRegistry;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A running safekeeper.
 *
 * <p>Threads: the event loops take messages; for each timeline that has something to do one thread
 * at a time works, of a pool or the event loop itself ({@link WorkerThreads}); another creates
 * segments ahead of need; one scheduler gathers news for watchers, one thread checks what is
 * stored. Streams of WAL have a virtual thread each, and so has each timeline whose WAL is on its
 * way to the object store.
 */
public final class Safekeeper implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Safekeeper.class);
  private static final int EVENT_LOOPS_MIN = 2;
  private static final int CREATORS = 1;
  private static final long POSITIONS_PERSIST_INTERVAL_MILLIS = 1_000;
  private static final long CLOSE_WAIT_SECONDS = 30;

  private final DataDirectory directory;
  private final FatalHandler fatalHandler;
  private final EventLoops loops;
  private final WorkerThreads workers;
  private final ExecutorService creator;
  private final ScheduledExecutorService scheduler;
  private final ScheduledExecutorService scrubber;
  private final TimelineRegistry registry;
  private final AtomicBoolean fatal = new AtomicBoolean();
  private final AtomicBoolean closed = new AtomicBoolean();
  private final WatchHub hub;
  private final RpcServer server;
  private final Optional<WalBackups> backups;
  private final TimelineRebuilds rebuilds;

  private Safekeeper(
      DataDirectory directory,
      SafekeeperConfig config,
      Optional<ObjectStore> store,
      FatalHandler fatalHandler,
      MeterRegistry meters)
      throws IOException {
    this.directory = directory;
    this.fatalHandler = fatalHandler;
    this.loops =
        new EventLoops(
            "safekeeper-%d-events".formatted(config.nodeId()),
            Math.max(EVENT_LOOPS_MIN, Runtime.getRuntime().availableProcessors()));
    this.workers =
        new WorkerThreads(loops, threads("safekeeper-%d-worker-".formatted(config.nodeId())));
    this.creator =
        Executors.newFixedThreadPool(
            CREATORS, threads("safekeeper-%d-segments-".formatted(config.nodeId())));
    this.scheduler =
        Executors.newSingleThreadScheduledExecutor(
            threads("safekeeper-%d-scheduler-".formatted(config.nodeId())));
    this.scrubber =
        Executors.newSingleThreadScheduledExecutor(
            threads("safekeeper-%d-scrub-".formatted(config.nodeId())));
    this.hub = new WatchHub(this::toProto, scheduler);
    SafekeeperMetrics metrics = new SafekeeperMetrics(meters, config.nodeId());
    this.registry =
        new TimelineRegistry(directory, workers, creator, hub::changed, this::fatal, metrics);
    this.backups =
        store.map(known ->
            new WalBackups(registry, known, config.backup(), Clock.SYSTEM, Ids.secureRandom()));
    this.rebuilds = new TimelineRebuilds(registry, directory, creator, this::fatal);
    boolean started = false;
    try {
      registry.readAll();
      ScrubCalls scrubs = new ScrubCalls(registry, directory, store, this::fatal);
      this.server =
          RpcServer.start(
              config.listen(),
              List.of(
                  new SafekeeperService(registry, rebuilds, scrubs, hub, workers, store, backups)),
              meters,
              Optional.of(loops));
      started = true;
    } finally {
      if (!started) {
        registry.close();
        loops.close();
        stopThreads();
      }
    }
    startBackground(config, store, metrics);
  }

  private void startBackground(
      SafekeeperConfig config, Optional<ObjectStore> store, SafekeeperMetrics metrics) {
    var _ =
        scheduler.scheduleWithFixedDelay(
            () -> registry.opened().forEach(TimelineWorker::persistPositionsIfAhead),
            POSITIONS_PERSIST_INTERVAL_MILLIS,
            POSITIONS_PERSIST_INTERVAL_MILLIS,
            TimeUnit.MILLISECONDS);
    backups.ifPresent(running -> every(config.backup().pollMillis(), running::tick));
    if (config.scrubBytesPerSecond() > 0) {
      BackgroundScrub scrub =
          new BackgroundScrub(
              registry,
              directory,
              config.scrubBytesPerSecond(),
              store.map(_ -> new BlockRepairs(registry, directory, List.of(), store)),
              metrics,
              this::fatal);
      var _ =
          scrubber.scheduleWithFixedDelay(
              scrub::tick,
              BackgroundScrub.TICK_MILLIS,
              BackgroundScrub.TICK_MILLIS,
              TimeUnit.MILLISECONDS);
    }
  }

  /** On the scheduler; what fails is logged, and tried again the next time. */
  private void every(long millis, Runnable task) {
    var _ =
        scheduler.scheduleWithFixedDelay(
            () -> {
              try {
                task.run();
              } catch (RuntimeException failure) {
                log.warn("safekeeper {}: {}", directory.node(), failure.toString());
              }
            },
            millis,
            millis,
            TimeUnit.MILLISECONDS);
  }

  private TimelineStatusResponse toProto(TimelineSnapshot snapshot) {
    return registry.toProto(snapshot);
  }

  private static ThreadFactory threads(String prefix) {
    return Thread.ofPlatform().daemon().name(prefix, 0).factory();
  }

  /**
   * Opens the data directory and listens. If its disk fails it stops listening.
   *
   * @throws StorageException.Precondition if the data directory is of another version or node
   * @throws StorageException.Conflict if another process has it open
   * @throws IOException if the address is taken or the disk fails
   */
  public static Safekeeper start(SafekeeperConfig config) throws StorageException, IOException {
    return start(config, Optional.empty(), _ -> {});
  }

  /** As {@link #start(SafekeeperConfig)}, and tells when it cannot go on. */
  public static Safekeeper start(SafekeeperConfig config, FatalHandler fatalHandler)
      throws StorageException, IOException {
    return start(config, Optional.empty(), fatalHandler);
  }

  /**
   * As {@link #start(SafekeeperConfig)}, with an object store that WAL goes to. Without one, all
   * WAL stays.
   */
  public static Safekeeper start(
      SafekeeperConfig config, Optional<ObjectStore> store, FatalHandler fatalHandler)
      throws StorageException, IOException {
    return start(config, store, fatalHandler, new CompositeMeterRegistry());
  }

  /** As {@link #start(SafekeeperConfig, Optional, FatalHandler)}, and measures what goes on. */
  public static Safekeeper start(
      SafekeeperConfig config,
      Optional<ObjectStore> store,
      FatalHandler fatalHandler,
      MeterRegistry meters)
      throws StorageException, IOException {
    DataDirectory directory = DataDirectory.open(config.dataDir(), new NodeId(config.nodeId()));
    try {
      Safekeeper safekeeper = new Safekeeper(directory, config, store, fatalHandler, meters);
      log.info(
          "safekeeper {} listens on port {}, data in {}",
          config.nodeId(),
          safekeeper.port(),
          config.dataDir());
      return safekeeper;
    } catch (IOException | RuntimeException failure) {
      directory.close();
      throw failure;
    }
  }

  /** Why it does not serve any more; empty as long as it does. */
  public Optional<String> notReady() {
    if (fatal.get()) {
      return Optional.of("safekeeper %s has stopped, see its log".formatted(directory.node()));
    }
    return closed.get()
        ? Optional.of("safekeeper %s stops".formatted(directory.node()))
        : Optional.empty();
  }

  /** The port that is listened on. */
  public int port() {
    return server.port();
  }

  private void fatal(Throwable cause) {
    if (!fatal.compareAndSet(false, true)) {
      return;
    }
    log.error("safekeeper {} stops: {}", directory.node(), cause.toString(), cause);
    registry.stop();
    Thread.ofPlatform()
        .name("safekeeper-stop")
        .start(() -> {
          close();
          fatalHandler.stopNode(cause);
        });
  }

  /** Ends all conversations, writes positions down, and lets go of the data directory. */
  @Override
  public void close() {
    if (!closed.compareAndSet(false, true)) {
      return;
    }
    backups.ifPresent(WalBackups::stop);
    rebuilds.close();
    registry.close();
    server.close();
    loops.close();
    stopThreads();
    try {
      directory.close();
    } catch (IOException e) {
      log.info("closing {}: {}", directory.node(), e.toString());
    }
  }

  private void stopThreads() {
    scheduler.shutdownNow();
    scrubber.shutdown();
    creator.shutdown();
    try {
      workers.close();
      // It may be writing a repaired block, and the directory is somebody else's after this.
      if (!scrubber.awaitTermination(CLOSE_WAIT_SECONDS, TimeUnit.SECONDS)) {
        log.warn("safekeeper {}: a repair did not end in time", directory.node());
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }
}
