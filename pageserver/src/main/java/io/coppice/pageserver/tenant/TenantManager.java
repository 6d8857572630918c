package io.coppice.pageserver.tenant;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.objectstore.ObjectStore;
import io.coppice.common.platform.Clock;
import io.coppice.pageserver.layer.LayerEnvironment;
import io.coppice.pageserver.maintenance.MaintenanceScheduler;
import io.coppice.pageserver.remote.LayerCache;
import io.coppice.pageserver.remote.RemoteStore;
import io.coppice.pageserver.remote.TenantRecord;
import io.coppice.pageserver.remote.TimelineIndex;
import io.coppice.pageserver.timeline.ImageImport;
import io.coppice.pageserver.timeline.ImageLayersWriter;
import io.coppice.pageserver.timeline.Maintenance;
import io.coppice.pageserver.timeline.RecordPosition;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.pageserver.timeline.TimelineEnvironment;
import io.coppice.pageserver.timeline.TimelineLimits;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
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

  private final ReentrantLock lock = new ReentrantLock();
  private final Map<TenantId, TenantState> tenants = new HashMap<>();
  private final Map<TenantId, StorageException> broken = new HashMap<>();
  private final Set<TenantId> importing = new HashSet<>();
  private final Set<String> importingNames = new HashSet<>();
  private @Nullable BranchListener listener;

  private TenantManager(
      TenantManagerConfig config,
      DataDirectory directory,
      RemoteStore remote,
      Clock clock,
      Maintenance maintenance) {
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
            new TimelineLimits(
                config.openLayerSizeBytesMax(),
                config.openLayersSizeBytesTotalMax(),
                config.openLayerAgeMillisMax(),
                config.imageLayerSizeBytesTarget(),
                config.ancestorWaitMillis()),
            maintenance);
  }

  /**
   * Takes a data directory into use (there is one process to a directory), takes the next
   * generation, and finds the tenants and branches that the object store has. Blocks.
   */
  public static TenantManager open(TenantManagerConfig config, ObjectStore store, Clock clock)
      throws StorageException {
    return open(config, store, clock, new MaintenanceScheduler());
  }

  /** The same with background work done by someone else, who is closed with it. */
  static TenantManager open(
      TenantManagerConfig config, ObjectStore store, Clock clock, Maintenance maintenance)
      throws StorageException {
    DataDirectory directory = DataDirectory.open(config.dataDir());
    try {
      RemoteStore remote = RemoteStore.open(store);
      TenantManager manager = new TenantManager(config, directory, remote, clock, maintenance);
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
    lock.lock();
    try {
      if (tenants.containsKey(root.tenant())
          || broken.containsKey(root.tenant())
          || importing.contains(root.tenant())) {
        throw new StorageException.Conflict("tenant %s exists already".formatted(root.tenant()));
      }
      if (importingNames.contains(root.tenantName())
          || tenants.values().stream().anyMatch(t -> t.record().name().equals(root.tenantName()))) {
        throw new StorageException.Conflict(
            "a tenant named \"%s\" exists already".formatted(root.tenantName()));
      }
      importing.add(root.tenant());
      importingNames.add(root.tenantName());
    } finally {
      lock.unlock();
    }
    return new ImageLayersWriter(
        environment,
        NewTimelines.root(root, clock.now()),
        index -> finishImport(root, index),
        () -> endImport(root));
  }

  /** In order of name. */
  public List<TenantInfo> tenants() {
    lock.lock();
    try {
      return tenants.values().stream()
          .map(tenant -> TenantInfo.of(tenant.record()))
          .sorted(Comparator.comparing(TenantInfo::name))
          .toList();
    } finally {
      lock.unlock();
    }
  }

  /**
   * The tenant of that id.
   *
   * @throws StorageException.NotFound if there is none
   */
  public TenantInfo tenant(TenantId id) throws StorageException {
    lock.lock();
    try {
      return TenantInfo.of(state(id).record());
    } finally {
      lock.unlock();
    }
  }

  /** All branches of a tenant, in order of name. */
  public List<Timeline> branches(TenantId tenant) throws StorageException {
    lock.lock();
    try {
      return state(tenant).timelines().stream()
          .sorted(Comparator.comparing(Timeline::name))
          .toList();
    } finally {
      lock.unlock();
    }
  }

  /** All branches of all tenants. */
  public List<Timeline> timelines() {
    lock.lock();
    try {
      List<Timeline> all = new ArrayList<>();
      tenants.values().forEach(tenant -> all.addAll(tenant.timelines()));
      return all;
    } finally {
      lock.unlock();
    }
  }

  /**
   * A branch by its name or, if none has that name, by its id.
   *
   * @throws StorageException.NotFound if there is none; the message names some that exist
   */
  public Timeline branch(TenantId tenant, String nameOrId) throws StorageException {
    lock.lock();
    try {
      TenantState state = state(tenant);
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
    } finally {
      lock.unlock();
    }
  }

  /**
   * A branch by id.
   *
   * @throws StorageException.NotFound if there is none
   */
  public Timeline timeline(TenantTimelineId id) throws StorageException {
    lock.lock();
    try {
      return state(id.tenant()).get(id.timeline());
    } finally {
      lock.unlock();
    }
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
    Names.check(request.name());
    Timeline parent = timeline(new TenantTimelineId(request.tenant(), request.parent()));
    Optional<Timeline> existing = existing(request);
    if (existing.isPresent()) {
      return existing.get();
    }
    RecordPosition at = NewTimelines.branchPoint(request, parent);
    reserve(request);
    boolean made = false;
    try {
      TimelineIndex index = NewTimelines.branch(request, parent, at, clock.now());
      remote.saveIndex(index);
      Timeline timeline = Timeline.open(environment, index, parent);
      register(timeline);
      made = true;
      log.info(
          "made branch {} of {} at {}: {}", request.name(), parent.name(), at.last(), index.id());
      return timeline;
    } finally {
      if (!made) {
        cancel(request);
      }
    }
  }

  /**
   * Deletes a branch and its layers.
   *
   * @throws StorageException.Precondition while it has children
   */
  public void deleteBranch(TenantTimelineId id) throws StorageException {
    TimelineIndex index = startDeleting(id);
    remote.deleteTimeline(index);
    new LayerCache(remote, id, LayerCache.directory(directory.layers(), id)).removeAll();
    lock.lock();
    try {
      state(id.tenant()).finishDeleting(index);
    } finally {
      lock.unlock();
    }
    log.info("deleted branch {} ({})", index.name(), id);
  }

  /** Called with each branch that appears (also those found at the start) and disappears. */
  public void setListener(BranchListener listener) {
    List<Timeline> present;
    lock.lock();
    try {
      this.listener = listener;
      present = timelines();
    } finally {
      lock.unlock();
    }
    present.forEach(listener::added);
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
    TenantLoader loader = new TenantLoader(remote, directory, environment);
    tenants.putAll(loader.load());
    broken.putAll(loader.broken());
    maintenance.start(this::timelines);
    log.info(
        "opened {} as generation {}: {} tenants, {} branches",
        config.dataDir(),
        remote.generation(),
        tenants.size(),
        timelines().size());
  }

  private TenantState state(TenantId id) throws StorageException {
    TenantState state = tenants.get(id);
    if (state == null) {
      StorageException damage = broken.get(id);
      if (damage != null) {
        throw new StorageException.Corrupt("tenant %s: %s".formatted(id, damage.getMessage()));
      }
      throw new StorageException.NotFound("there is no tenant " + id);
    }
    return state;
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
    BranchListener heard;
    lock.lock();
    try {
      TenantState state = new TenantState(record);
      state.add(timeline);
      tenants.put(root.tenant(), state);
      endImport(root);
      heard = listener;
    } finally {
      lock.unlock();
    }
    if (heard != null) {
      heard.added(timeline);
    }
    log.info("imported tenant {} ({}) at {}", root.tenantName(), root.tenant(), root.startLsn());
    return timeline;
  }

  private void endImport(RootImport root) {
    lock.lock();
    try {
      importing.remove(root.tenant());
      importingNames.remove(root.tenantName());
    } finally {
      lock.unlock();
    }
  }

  /** The branch, if the same request was carried out before. */
  private Optional<Timeline> existing(BranchRequest request) throws StorageException {
    lock.lock();
    try {
      TenantState state = state(request.tenant());
      Timeline found = state.find(request.timeline());
      if (found == null) {
        return Optional.empty();
      }
      boolean isSame =
          found.name().equals(request.name())
              && found.ancestor().map(a -> a.timeline().equals(request.parent())).orElse(false)
              && request.lsn().map(lsn -> lsn.alignedUp().equals(found.startLsn())).orElse(true);
      if (!isSame) {
        throw new StorageException.Conflict(
            "branch %s exists already, as \"%s\" of %s at %s"
                .formatted(
                    request.timeline(),
                    found.name(),
                    found.ancestor().map(a -> a.timeline().toString()).orElse("no parent"),
                    found.startLsn()));
      }
      return Optional.of(found);
    } finally {
      lock.unlock();
    }
  }

  private void reserve(BranchRequest request) throws StorageException {
    lock.lock();
    try {
      TenantState state = state(request.tenant());
      // It may have gone since it was looked up.
      state.get(request.parent());
      if (state.isIdTaken(request.timeline())) {
        throw new StorageException.Conflict(
            "branch %s is being made or deleted".formatted(request.timeline()));
      }
      if (state.isNameTaken(request.name())) {
        throw new StorageException.Conflict(
            "tenant %s has a branch \"%s\" already"
                .formatted(state.record().name(), request.name()));
      }
      state.reserve(request.timeline(), request.name(), request.parent());
    } finally {
      lock.unlock();
    }
  }

  private void cancel(BranchRequest request) {
    lock.lock();
    try {
      TenantState state = tenants.get(request.tenant());
      if (state != null) {
        state.cancelReservation(request.timeline(), request.name(), request.parent());
      }
    } finally {
      lock.unlock();
    }
  }

  private void register(Timeline timeline) throws StorageException {
    BranchListener heard;
    lock.lock();
    try {
      state(timeline.id().tenant()).addReserved(timeline);
      heard = listener;
    } finally {
      lock.unlock();
    }
    if (heard != null) {
      heard.added(timeline);
    }
  }

  /** Takes a timeline out of use, or finds that an earlier call has done so. */
  private TimelineIndex startDeleting(TenantTimelineId id) throws StorageException {
    Timeline timeline;
    BranchListener heard;
    lock.lock();
    try {
      TenantState state = state(id.tenant());
      TimelineIndex begun = state.deleting(id.timeline());
      if (begun != null) {
        return begun;
      }
      timeline = state.get(id.timeline());
      state.checkDeletable(timeline, NAMES_SHOWN_MAX);
      state.hide(timeline);
      heard = listener;
    } finally {
      lock.unlock();
    }
    if (heard != null) {
      heard.removed(id);
    }
    TimelineIndex index = timeline.close("it is deleted");
    lock.lock();
    try {
      state(id.tenant()).startDeleting(index);
    } finally {
      lock.unlock();
    }
    return index;
  }
}
