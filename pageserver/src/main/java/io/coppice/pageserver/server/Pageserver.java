package io.coppice.pageserver.server;

import io.coppice.common.error.StorageException;
import io.coppice.common.metrics.MetricSource;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.common.objectstore.ObjectStores;
import io.coppice.common.platform.Clock;
import io.coppice.common.platform.Ids;
import io.coppice.common.rpc.RpcServer;
import io.coppice.pageserver.importer.DataDirectoryImporter;
import io.coppice.pageserver.maintenance.LayerEviction;
import io.coppice.pageserver.receiver.IngestMetrics;
import io.coppice.pageserver.receiver.ReceiverConfig;
import io.coppice.pageserver.receiver.WalDeletion;
import io.coppice.pageserver.receiver.WalReceivers;
import io.coppice.pageserver.tenant.TenantManager;
import io.coppice.pageserver.tenant.TenantManagerConfig;
import io.grpc.BindableService;
import io.grpc.ServerInterceptors;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.composite.CompositeMeterRegistry;
import java.io.IOException;
import java.util.List;

/** A running page server. */
public final class Pageserver implements AutoCloseable {
  private static final String SPOOL_DIRECTORY = "import";

  private final TenantManager tenants;
  private final WalReceivers receivers;
  private final WalDeletion walDeletion;
  private final BranchSizes sizes;
  private final GcWorker gc;
  private final LayerEviction eviction;
  private final RpcServer server;
  private final Sweeper sweeper;
  private final ObjectStore store;

  /** What a page server is told apart from its configuration. */
  private record Surroundings(Clock clock, ReceiverConfig receivers, MeterRegistry registry) {}

  private Pageserver(
      TenantManager tenants,
      WalReceivers receivers,
      WalDeletion walDeletion,
      BranchSizes sizes,
      GcWorker gc,
      LayerEviction eviction,
      RpcServer server,
      ObjectStore store) {
    this.sizes = sizes;
    this.sweeper = new Sweeper(tenants);
    this.eviction = eviction;
    this.store = store;
    this.tenants = tenants;
    this.receivers = receivers;
    this.walDeletion = walDeletion;
    this.gc = gc;
    this.server = server;
  }

  /**
   * Opens the data directory, finds the tenants that the object store has, listens, and begins to
   * follow the safekeepers.
   *
   * @throws StorageException.Precondition if the data directory is of another version
   * @throws StorageException.Conflict if another process has it open
   * @throws IOException if the address is taken or the disk fails
   */
  public static Pageserver start(PageserverConfig config) throws StorageException, IOException {
    return start(config, new CompositeMeterRegistry());
  }

  /** As {@link #start(PageserverConfig)}, and measures what goes on. */
  public static Pageserver start(PageserverConfig config, MeterRegistry registry)
      throws StorageException, IOException {
    return start(config, new Surroundings(Clock.SYSTEM, ReceiverConfig.DEFAULTS, registry));
  }

  static Pageserver start(PageserverConfig config, Clock clock, ReceiverConfig receiverConfig)
      throws StorageException, IOException {
    return start(config, new Surroundings(clock, receiverConfig, new CompositeMeterRegistry()));
  }

  private static Pageserver start(PageserverConfig config, Surroundings surroundings)
      throws StorageException, IOException {
    ObjectStore store =
        ObjectStores.open(config.objectStore(), Ids.secureRandom(), surroundings.registry());
    try {
      return start(config, surroundings, store);
    } catch (StorageException | IOException | RuntimeException e) {
      store.close();
      throw e;
    }
  }

  private static Pageserver start(
      PageserverConfig config, Surroundings surroundings, ObjectStore store)
      throws StorageException, IOException {
    WalDeletion walDeletion = new WalDeletion(config.safekeepers());
    try {
      return start(config, surroundings, store, walDeletion);
    } catch (StorageException | IOException | RuntimeException e) {
      walDeletion.close();
      throw e;
    }
  }

  private static Pageserver start(
      PageserverConfig config,
      Surroundings surroundings,
      ObjectStore store,
      WalDeletion walDeletion)
      throws StorageException, IOException {
    TenantManager tenants =
        TenantManager.open(
            TenantManagerConfig.defaults(config.dataDir())
                .with()
                .openLayerSizeBytesMax(config.openLayerSizeBytesMax())
                .pageCacheSizeBytes(config.pageCacheSizeBytes())
                .expiryGraceMillis(config.expiryGraceMillis())
                .upkeep(config.upkeep())
                .build(),
            store,
            surroundings.clock(),
            surroundings.registry(),
            walDeletion);
    try {
      return serve(config, surroundings, tenants, walDeletion, store);
    } catch (IOException | RuntimeException e) {
      tenants.close();
      throw e;
    }
  }

  private static Pageserver serve(
      PageserverConfig config,
      Surroundings surroundings,
      TenantManager tenants,
      WalDeletion walDeletion,
      ObjectStore store)
      throws IOException {
    Clock clock = surroundings.clock();
    MeterRegistry registry = surroundings.registry();
    Timelines timelines =
        new Timelines(tenants, clock, config.lsnWaitMillis(), new RequestMetrics(registry));
    DataDirectoryImporter importer =
        new DataDirectoryImporter(tenants, config.dataDir().resolve(SPOOL_DIRECTORY));
    importer.clean();
    PageServiceImpl pages = new PageServiceImpl(timelines, clock);
    TimelineServiceImpl branches =
        new TimelineServiceImpl(timelines, importer, config.gc(), clock, config.lsnWaitMillis());
    BindableService pagesWithIds =
        () ->
            ServerInterceptors.intercept(PageMarshaller.in(pages.bindService()), new CallContext());
    RpcServer server = RpcServer.start(config.listen(), List.of(pagesWithIds, branches), registry);
    WalReceivers receivers =
        new WalReceivers(
            config.safekeepers(),
            surroundings.receivers(),
            clock,
            new IngestMetrics(registry),
            timeline -> timelines.reader(timeline).sizes()::changed);
    timelines.setReceivers(receivers);
    tenants.setListener(timelines);
    GcWorker gc = GcWorker.start(tenants, config.gc(), config.gcPeriod());
    LayerEviction eviction = tenants.eviction(config.eviction(), registry);
    eviction.start();
    return new Pageserver(
        tenants, receivers, walDeletion, timelines.sizes(), gc, eviction, server, store);
  }

  /** Other limits for the layers on this machine, from now on. */
  public void setEviction(LayerEviction.Limits limits) {
    eviction.setLimits(limits);
  }

  /** Its branches in numbers. */
  public MetricSource branchMetrics() {
    return new BranchMetrics(tenants, receivers, sizes);
  }

  /** The port that is listened on. */
  public int port() {
    return server.port();
  }

  /** Stops following, writes what is in memory, and lets go of the data directory. */
  @Override
  public void close() {
    server.close();
    sweeper.close();
    walDeletion.close();
    receivers.close();
    gc.close();
    eviction.close();
    tenants.close();
    store.close();
  }
}
