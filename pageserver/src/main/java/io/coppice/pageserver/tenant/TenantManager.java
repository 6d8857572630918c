package io.coppice.pageserver.tenant;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.common.platform.Clock;
import io.coppice.pageserver.cache.PageCache;
import io.coppice.pageserver.layer.LayerEnvironment;
import io.coppice.pageserver.maintenance.LayerEviction;
import io.coppice.pageserver.maintenance.MaintenanceScheduler;
import io.coppice.pageserver.remote.RemoteMetrics;
import io.coppice.pageserver.remote.RemoteStore;
import io.coppice.pageserver.remote.TenantRecord;
import io.coppice.pageserver.remote.TimelineIndex;
import io.coppice.pageserver.timeline.ImageImport;
import io.coppice.pageserver.timeline.ImageLayersWriter;
import io.coppice.pageserver.timeline.Maintenance;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.pageserver.timeline.TimelineEnvironment;
import io.coppice.pageserver.timeline.TimelineMetrics;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.composite.CompositeMeterRegistry;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The tenants and branches of a page server. Thread safe. */
public final class TenantManager implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(TenantManager.class);
  private static final int NAMES_SHOWN_MAX = 10;

  private final TenantManagerConfig config;
  private final Clock clock;
  private final DataDirectory directory;
  private final RemoteStore remote;
  private final LayerEnvironment layers;
  private final Maintenance maintenance;
  private final TimelineEnvironment environment;

  private final TenantStates tenants = new TenantStates();
  private final BranchLifecycle lifecycle;
  private final BranchChanges changes;
  private final DeletedWal deletedWal;
  private final BranchSweep sweep;
  private final GarbageCollection garbage;
  private final HistoryHolds holds;
  private final BranchArchive archive;
  private final BranchDetachment detachment;
  // Under the lock of the tenants.
  private final Set<TenantId> importing = new HashSet<>();
  private final Set<String> importingNames = new HashSet<>();

  private TenantManager(
      TenantManagerConfig config,
      DataDirectory directory,
      RemoteStore remote,
      Clock clock,
      Maintenance maintenance,
      MeterRegistry registry,
      WalKeepers walKeepers) {
    this.config = config;
    this.clock = clock;
    this.maintenance = maintenance;
    this.directory = directory;
    this.remote = remote;
    this.layers = new LayerEnvironment(config.blockCacheSizeBytes());
    this.environment =
        new TimelineEnvironment(
            layers,
            remote,
            directory.layers(),
            clock,
            config.limits(),
            maintenance,
            new TimelineMetrics(registry),
            new PageCache(config.pageCacheSizeBytes(), registry));
    this.lifecycle = new BranchLifecycle(tenants, environment, remote, directory.layers(), clock);
    Remedies remedies = new Remedies();
    this.changes = new BranchChanges(tenants, environment, remote, clock, remedies);
    this.deletedWal = new DeletedWal(tenants, remote, walKeepers);
    this.sweep =
        new BranchSweep(
            tenants, lifecycle, deletedWal, remedies, clock, config.expiryGraceMillis());
    this.garbage = new GarbageCollection(tenants, remote, clock, new GarbageMetrics(registry));
    this.holds = new HistoryHolds(tenants, garbage, clock);
    this.archive = new BranchArchive(tenants, clock, remedies);
    this.detachment = new BranchDetachment(tenants, garbage, remote, remedies);
  }

  /**
   * Takes a data directory into use (there is one process to a directory), takes the next
   * generation, and finds the tenants and branches that the object store has. Blocks.
   */
  public static TenantManager open(TenantManagerConfig config, ObjectStore store, Clock clock)
      throws StorageException {
    return open(config, store, clock, new MaintenanceScheduler());
  }

  /**
   * As {@link #open(TenantManagerConfig, ObjectStore, Clock)}, and measures what goes on.
   *
   * @param walKeepers all of them; the WAL of deleted branches goes from there
   */
  public static TenantManager open(
      TenantManagerConfig config,
      ObjectStore store,
      Clock clock,
      MeterRegistry registry,
      WalKeepers walKeepers)
      throws StorageException {
    return open(config, store, clock, new MaintenanceScheduler(), registry, walKeepers);
  }

  /** The same with background work done by someone else, who is closed with it. */
  static TenantManager open(
      TenantManagerConfig config, ObjectStore store, Clock clock, Maintenance maintenance)
      throws StorageException {
    return open(config, store, clock, maintenance, new CompositeMeterRegistry(), WalKeepers.NONE);
  }

  private static TenantManager open(
      TenantManagerConfig config,
      ObjectStore store,
      Clock clock,
      Maintenance maintenance,
      MeterRegistry registry,
      WalKeepers walKeepers)
      throws StorageException {
    DataDirectory directory = DataDirectory.open(config.dataDir());
    try {
      RemoteStore remote = RemoteStore.open(store, new RemoteMetrics(registry));
      TenantManager manager =
          new TenantManager(config, directory, remote, clock, maintenance, registry, walKeepers);
      manager.load();
      return manager;
    } catch (StorageException e) {
      maintenance.close();
      directory.close();
      throw e;
    }
  }

  /**
   * Begins to load a data directory as a new tenant with a root branch; both are there once the
   * import is finished.
   *
   * @throws StorageException.Conflict if the ids or the tenant's name are taken; that an import was
   *     finished earlier is seen with {@link #tenant}
   */
  public ImageImport importRoot(RootImport root) throws StorageException {
    Names.check(root.tenantName());
    Names.check(root.branchName());
    tenants.locked(() -> {
      if (tenants.isIdTaken(root.tenant()) || importing.contains(root.tenant())) {
        throw new StorageException.Conflict("tenant %s exists already".formatted(root.tenant()));
      }
      if (importingNames.contains(root.tenantName())
          || tenants.all().stream().anyMatch(t -> t.record().name().equals(root.tenantName()))) {
        throw new StorageException.Conflict(
            "a tenant named \"%s\" exists already".formatted(root.tenantName()));
      }
      importing.add(root.tenant());
      importingNames.add(root.tenantName());
      return root;
    });
    return new ImageLayersWriter(
        environment,
        NewTimelines.root(root, clock.now()),
        index -> finishImport(root, index),
        () -> endImport(root));
  }

  /** In order of name. */
  public List<TenantInfo> tenants() {
    List<TenantInfo> found = new ArrayList<>();
    tenants.lockedQuietly(
        () -> tenants.all().forEach(tenant -> found.add(TenantInfo.of(tenant.record()))));
    found.sort(Comparator.comparing(TenantInfo::name));
    return found;
  }

  /**
   * The tenant of that id.
   *
   * @throws StorageException.NotFound if there is none
   */
  public TenantInfo tenant(TenantId id) throws StorageException {
    return tenants.locked(() -> TenantInfo.of(tenants.get(id).record()));
  }

  /** All branches of a tenant, in order of name. */
  public List<Timeline> branches(TenantId tenant) throws StorageException {
    return branches(tenant, "");
  }

  /** The branches of a tenant whose names come after one, in order of name. */
  public List<Timeline> branches(TenantId tenant, String after) throws StorageException {
    return tenants.locked(() -> tenants.get(tenant).timelines()).stream()
        .map(timeline -> Map.entry(timeline.name(), timeline))
        .filter(named -> named.getKey().compareTo(after) > 0)
        .sorted(Map.Entry.comparingByKey())
        .map(Map.Entry::getValue)
        .toList();
  }

  /** All branches of all tenants. */
  public List<Timeline> timelines() {
    return tenants.timelines();
  }

  /**
   * A branch by its name or, if none has that name, by its id.
   *
   * @throws StorageException.NotFound if there is none; the message names some that exist
   */
  public Timeline branch(TenantId tenant, String nameOrId) throws StorageException {
    return tenants.locked(() -> {
      TenantState state = tenants.get(tenant);
      Timeline named = state.findByName(nameOrId);
      if (named != null) {
        return named;
      }
      Optional<TimelineId> id = Names.parseId(nameOrId);
      if (id.isPresent()) {
        return state.get(id.get());
      }
      throw new StorageException.NotFound(
          "tenant %s has no branch \"%s\"; it has %s"
              .formatted(
                  state.record().name(),
                  Names.shown(nameOrId),
                  String.join(", ", state.someNames(NAMES_SHOWN_MAX))));
    });
  }

  /**
   * A branch by id.
   *
   * @throws StorageException.NotFound if there is none
   */
  public Timeline timeline(TenantTimelineId id) throws StorageException {
    return tenants.locked(() -> tenants.get(id.tenant()).get(id.timeline()));
  }

  /**
   * Makes a branch; its index is durable when this returns. Done again with the same parameters it
   * changes nothing and returns the branch. May wait for the parent: call it from a virtual thread.
   *
   * @throws StorageException.Conflict if the id is taken with other parameters, or the name
   * @throws StorageException.Precondition if the LSN is outside of what the parent has
   * @throws StorageException.Transient if the parent does not reach the LSN in time
   */
  public Timeline createBranch(BranchRequest request)
      throws StorageException, InterruptedException {
    return lifecycle.create(request);
  }

  /**
   * Deletes a branch and its layers; its WAL goes with the next sweeps, and until then its id is
   * not free.
   *
   * @throws StorageException.Precondition while it has children or is protected
   */
  public void deleteBranch(TenantTimelineId id) throws StorageException {
    lifecycle.delete(id, BranchChanges::refuseIfProtected);
  }

  /** Changes to branches that are there. */
  public BranchChanges changes() {
    return changes;
  }

  /** When a branch is deleted that expired at that time and is not recovered. */
  public Instant deletionTime(Instant expiredAt) {
    return expiredAt.plusMillis(config.expiryGraceMillis());
  }

  /** History that is not needed any more, and promises to keep some. */
  public GarbageCollection garbage() {
    return garbage;
  }

  /** What keeps more history than that leaves. */
  public HistoryHolds holds() {
    return holds;
  }

  /** Branches that are put away. */
  public BranchArchive archive() {
    return archive;
  }

  /** Branches that are to do without their parents. */
  public BranchDetachment detachment() {
    return detachment;
  }

  /** Deleted branches whose WAL may not be gone yet. */
  public int deletedBranchesWithWal() {
    return deletedWal.left().size();
  }

  /** Ends branches that are due, and does again what has failed before. To be called regularly. */
  public void sweep() {
    sweep.run();
  }

  /** What keeps the layer files here within limits; to be started, and closed before this. */
  public LayerEviction eviction(LayerEviction.Limits limits, MeterRegistry registry) {
    return new LayerEviction(this::timelines, layers, limits, clock, registry);
  }

  /** Called with each branch that appears (also those found at the start) and disappears. */
  public void setListener(BranchListener listener) {
    tenants.setListener(listener).forEach(listener::added);
  }

  /** Flushes what is in memory, within the configured time, and lets go of the directory. */
  @Override
  public void close() {
    long deadlineMillis = clock.monotonicMillis() + config.closeTimeoutMillis();
    for (Timeline timeline : timelines()) {
      try {
        timeline.flush(Math.max(0, deadlineMillis - clock.monotonicMillis()));
      } catch (StorageException e) {
        log.warn("closing without the newest of {}: {}", timeline.id(), e.getMessage());
      } catch (InterruptedException _) {
        Thread.currentThread().interrupt();
        log.warn("interrupted while flushing {}", timeline.id());
      }
    }
    abandon();
  }

  /** Lets go of everything as a crash would: what is not durable is lost. */
  void abandon() {
    timelines().forEach(timeline -> timeline.close("the page server stops"));
    maintenance.close();
    layers.close();
    directory.close();
  }

  private void load() throws StorageException {
    TenantLoader loader = new TenantLoader(remote, directory, environment, config.indexLoadsMax());
    tenants.putAll(loader.load(), loader.broken());
    maintenance.start(this::timelines);
    log.info(
        "opened {} as generation {}: {} tenants, {} branches",
        config.dataDir(),
        remote.generation(),
        tenants().size(),
        timelines().size());
  }

  private Timeline finishImport(RootImport root, TimelineIndex index) throws StorageException {
    remote.saveIndex(index);
    TenantRecord record =
        new TenantRecord(
            root.tenant(),
            root.tenantName(),
            index.identity().createdAt(),
            root.pgMajor(),
            root.systemId(),
            root.walSegmentSizeBytes(),
            root.timeline());
    remote.saveTenant(record);
    Timeline timeline = Timeline.open(environment, index, null);
    tenants.lockedQuietly(() -> {
      TenantState state = new TenantState(record);
      state.add(timeline);
      tenants.put(state);
      endImport(root);
    });
    tenants.tellAdded(timeline);
    log.info("imported tenant {} ({}) at {}", root.tenantName(), root.tenant(), root.startLsn());
    return timeline;
  }

  private void endImport(RootImport root) {
    tenants.lockedQuietly(() -> {
      importing.remove(root.tenant());
      importingNames.remove(root.tenantName());
    });
  }
}
