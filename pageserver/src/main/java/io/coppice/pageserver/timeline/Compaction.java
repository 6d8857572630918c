package io.coppice.pageserver.timeline;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.pageserver.layer.DeltaMerge;
import io.coppice.pageserver.layer.LayerDescriptor;
import io.coppice.pageserver.layer.LayerHandle;
import io.coppice.pageserver.layer.LayerKind;
import io.coppice.pageserver.layer.LayerName;
import io.coppice.pageserver.layer.LayerSet;
import io.coppice.pageserver.remote.DurableIndex;
import io.coppice.pageserver.remote.LayerCache;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes level 1 of level 0: the oldest flushes, each of which may have any key, are merged into
 * layers that are cut by key and have all their LSNs. A read then looks into one of them, where it
 * looked into each flush. No version is dropped.
 *
 * <p>It takes the oldest ones in the index, so that level 1 is always older than level 0; a flush
 * meanwhile adds a newer one and does not matter.
 */
final class Compaction {
  private static final Logger log = LoggerFactory.getLogger(Compaction.class);

  private final TimelineEnvironment environment;
  private final DurableIndex index;
  private final LayerCache cache;
  private final TimelineLayers layers;
  private final LayerReplacement replacement;

  Compaction(
      TimelineEnvironment environment,
      DurableIndex index,
      LayerCache cache,
      TimelineLayers layers,
      LayerReplacement replacement) {
    this.environment = environment;
    this.index = index;
    this.cache = cache;
    this.layers = layers;
    this.replacement = replacement;
  }

  private UpkeepLimits limits() {
    return environment.limits().upkeep();
  }

  boolean isDue() {
    int threshold = limits().compactionThreshold();
    return layers.level0Count() >= threshold && level0().size() >= threshold;
  }

  /** The layers of level 0 that the index names, oldest first. */
  private List<LayerName> level0() {
    return index.current().layers().stream()
        .filter(layer -> layer.level() == 0 && layer.name().kind() == LayerKind.DELTA)
        .map(LayerDescriptor::name)
        .sorted(Comparator.comparing(LayerName::lsnFrom))
        .toList();
  }

  /** Compacts the oldest layers of level 0, as many as are done at once. */
  void run() throws StorageException {
    List<LayerName> level0 = level0();
    List<LayerName> chosen =
        level0.subList(0, Math.min(level0.size(), limits().compactionLayersMax()));
    if (chosen.size() < limits().compactionThreshold()) {
      return;
    }
    TenantTimelineId id = index.current().id();
    long startMillis = environment.clock().monotonicMillis();
    NewLayers made = new NewLayers(environment, cache, id);
    LayerSet set = layers.acquireFiles();
    try {
      long versions = merge(set, chosen, made);
      replacement.replace(chosen, made.complete());
      environment
          .metrics()
          .compacted(chosen.size(), environment.clock().monotonicMillis() - startMillis);
      log.info(
          "compacted {} layers of {} into {}, {} versions, in {} ms",
          chosen.size(),
          id,
          made.complete().size(),
          versions,
          environment.clock().monotonicMillis() - startMillis);
    } catch (StorageException e) {
      replacement.abandon(made.names());
      if (e instanceof StorageException.Corrupt) {
        replaceDamaged(set, chosen);
      }
      throw e;
    } finally {
      set.release();
    }
  }

  /** Gets the files again that are damaged here, so that the next try finds them whole. */
  private static void replaceDamaged(LayerSet set, List<LayerName> chosen) throws StorageException {
    for (LayerHandle layer : set.files().layers()) {
      if (chosen.contains(layer.descriptor().name())) {
        layer.heal();
      }
    }
  }

  private long merge(LayerSet set, List<LayerName> chosen, NewLayers made) throws StorageException {
    Set<LayerName> names = Set.copyOf(chosen);
    List<LayerHandle> inputs =
        set.files().layers().stream()
            .filter(layer -> names.contains(layer.descriptor().name()))
            .collect(Collectors.toList());
    Lsn lsnFrom = chosen.getFirst().lsnFrom();
    Lsn lsnTo = chosen.getLast().lsnTo();
    long versions = 0;
    try (DeltaMerge merge = DeltaMerge.of(inputs);
        DeltaOutput output =
            new DeltaOutput(
                made, set.files(), lsnFrom, lsnTo, limits().deltaLayerSizeBytesTarget())) {
      while (merge.next()) {
        if (!merge.isSameKey()) {
          layers.checkNotClosed();
          output.beginKey(merge.key());
        }
        output.put(merge.lsn(), merge.value());
        versions++;
      }
      output.finish();
    }
    return versions;
  }
}
