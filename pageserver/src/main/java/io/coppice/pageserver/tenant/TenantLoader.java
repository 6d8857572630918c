package io.coppice.pageserver.tenant;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.pageserver.remote.LayerCache;
import io.coppice.pageserver.remote.RemoteStore;
import io.coppice.pageserver.remote.TenantRecord;
import io.coppice.pageserver.remote.TimelineIndex;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.pageserver.timeline.TimelineEnvironment;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds at the start what there is: tenants and indexes from the object store, and local files, of
 * which those that no index names are removed. Opens no layer. What is damaged is kept, as such, so
 * that it is named when it is asked for, and everything else works.
 */
final class TenantLoader {
  private static final Logger log = LoggerFactory.getLogger(TenantLoader.class);

  private final RemoteStore remote;
  private final DataDirectory directory;
  private final TimelineEnvironment environment;
  private final IndexLoading loading;
  private final Map<TenantId, TenantState> tenants = new HashMap<>();
  private final Map<TenantId, StorageException> broken = new HashMap<>();
  private final Set<TenantTimelineId> kept = new HashSet<>();

  /** With so many indexes read at once. */
  TenantLoader(
      RemoteStore remote,
      DataDirectory directory,
      TimelineEnvironment environment,
      int parallelLoads) {
    this.loading = new IndexLoading(remote, parallelLoads);
    this.remote = remote;
    this.directory = directory;
    this.environment = environment;
  }

  Map<TenantId, TenantState> load() throws StorageException {
    for (TenantId id : remote.tenants()) {
      try {
        Optional<TenantRecord> record = remote.loadTenant(id);
        if (record.isEmpty()) {
          log.info("tenant {} was never imported to the end and is left alone", id);
        } else {
          tenants.put(id, loadTenant(record.get()));
        }
      } catch (StorageException.Corrupt | StorageException.Unsupported e) {
        log.error("tenant {} cannot be used: {}", id, e.getMessage());
        broken.put(id, e);
      }
    }
    removeUnknownDirectories();
    return tenants;
  }

  private TenantState loadTenant(TenantRecord record) throws StorageException {
    TenantState tenant = new TenantState(record);
    Map<TimelineId, TimelineIndex> indexes = new TreeMap<>();
    List<TenantTimelineId> ids =
        remote.timelines(record.id()).stream()
            .map(id -> new TenantTimelineId(record.id(), id))
            .toList();
    for (IndexLoading.Found found : loading.load(ids)) {
      TimelineId id = found.id().timeline();
      found.index().ifPresent(index -> indexes.put(id, index));
      if (found.damage().isPresent()) {
        StorageException damage = found.damage().get();
        log.error("timeline {} cannot be used: {}", found.id(), damage.getMessage());
        tenant.addBroken(id, damage);
        kept.add(found.id());
      }
    }
    finishReplacements(indexes);
    for (TimelineIndex index : indexes.values()) {
      if (index.deleted()) {
        finishDeletion(tenant, index);
      } else {
        open(tenant, indexes, index);
      }
    }
    return tenant;
  }

  /** A timeline that took over another one's name, which was not renamed before the end. */
  private void finishReplacements(Map<TimelineId, TimelineIndex> indexes) throws StorageException {
    for (TimelineIndex index : List.copyOf(indexes.values())) {
      TimelineIndex older = index.replaced().map(r -> indexes.get(r.timeline())).orElse(null);
      if (older != null && older.name().equals(index.name()) && !index.deleted()) {
        String keptAs = index.replaced().orElseThrow().keptAs();
        log.info("{}, which {} has replaced, is kept as {}", older.id(), index.id(), keptAs);
        TimelineIndex renamed = older.with().name(keptAs).build();
        remote.saveIndex(renamed);
        indexes.put(older.id().timeline(), renamed);
      }
    }
  }

  private void finishDeletion(TenantState tenant, TimelineIndex index) {
    try {
      log.info("deleting {}, as was begun before", index.id());
      remote.emptyTimeline(index);
      tenant.addDeleted(index.id().timeline());
    } catch (StorageException e) {
      log.warn("deleting {} failed: {}", index.id(), e.getMessage());
      tenant.addDeleting(index);
    }
  }

  /** Opens a timeline, and its ancestors before it. A chain is as deep as a user made it. */
  private void open(TenantState tenant, Map<TimelineId, TimelineIndex> indexes, TimelineIndex index)
      throws StorageException {
    TimelineId id = index.id().timeline();
    if (tenant.find(id) != null || kept.contains(index.id())) {
      return;
    }
    kept.add(index.id());
    Timeline ancestor = null;
    if (index.ancestor().isPresent()) {
      TimelineId ancestorId = index.ancestor().get();
      TimelineIndex ancestorIndex = indexes.get(ancestorId);
      if (ancestorIndex != null && !ancestorIndex.deleted()) {
        open(tenant, indexes, ancestorIndex);
      }
      ancestor = tenant.find(ancestorId);
      if (ancestor == null) {
        StorageException.Corrupt damage =
            new StorageException.Corrupt(
                "the ancestor %s of timeline %s is missing or damaged"
                    .formatted(ancestorId, index.id()));
        log.error("timeline {} cannot be used: {}", index.id(), damage.getMessage());
        tenant.addBroken(index, damage);
        return;
      }
    }
    new LayerCache(remote, index.id(), LayerCache.directory(directory.layers(), index.id()))
        .removeUnknown(index.term().isArchived() ? List.of() : index.layers());
    tenant.add(Timeline.open(environment, index, ancestor));
  }

  /** Tenants that cannot be used, and why. */
  Map<TenantId, StorageException> broken() {
    return broken;
  }

  private void removeUnknownDirectories() throws StorageException {
    for (TenantTimelineId id : directory.timelines()) {
      if (!kept.contains(id) && !broken.containsKey(id.tenant())) {
        log.info("removing the files of {}, which is in no index", id);
        new LayerCache(remote, id, LayerCache.directory(directory.layers(), id)).removeAll();
      }
    }
  }
}
