package io.coppice.pageserver.timeline;

import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.platform.Clock;
import io.coppice.pageserver.cache.PageCache;
import io.coppice.pageserver.layer.LayerDescriptor;
import io.coppice.pageserver.layer.LayerEnvironment;
import io.coppice.pageserver.layer.LayerHandle;
import io.coppice.pageserver.remote.LayerCache;
import io.coppice.pageserver.remote.RemoteStore;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/** What all timelines of a page server share. */
public final class TimelineEnvironment {
  private static final long ROLL_SIZE_BYTES_MIN = 1 << 20;

  private final LayerEnvironment layers;
  private final RemoteStore remote;
  private final Path layersDirectory;
  private final Clock clock;
  private final TimelineLimits limits;
  private final Maintenance maintenance;
  private final TimelineMetrics metrics;
  private final PageCache pageCache;
  private final ReadScratch.Pool readScratches = new ReadScratch.Pool();
  private final AtomicInteger timelinesInMemory = new AtomicInteger();

  public TimelineEnvironment(
      LayerEnvironment layers,
      RemoteStore remote,
      Path layersDirectory,
      Clock clock,
      TimelineLimits limits,
      Maintenance maintenance,
      TimelineMetrics metrics,
      PageCache pageCache) {
    this.layers = layers;
    this.remote = remote;
    this.layersDirectory = layersDirectory;
    this.clock = clock;
    this.limits = limits;
    this.maintenance = maintenance;
    this.metrics = metrics;
    this.pageCache = pageCache;
  }

  LayerEnvironment layers() {
    return layers;
  }

  RemoteStore remote() {
    return remote;
  }

  Path layersDirectory() {
    return layersDirectory;
  }

  Clock clock() {
    return clock;
  }

  TimelineLimits limits() {
    return limits;
  }

  ReadScratch.Pool readScratches() {
    return readScratches;
  }

  Maintenance maintenance() {
    return maintenance;
  }

  TimelineMetrics metrics() {
    return metrics;
  }

  PageCache pageCache() {
    return pageCache;
  }

  /** Layers of a timeline, whose files are in a cache. Opens none of them. */
  List<LayerHandle> handles(LayerCache files, TenantTimelineId id, List<LayerDescriptor> named) {
    return named.stream().map(layer -> new LayerHandle(layers, files, id, layer)).toList();
  }

  /** A timeline begins, or ceases, to have layers in memory. */
  void countInMemory(int change) {
    timelinesInMemory.addAndGet(change);
  }

  /**
   * The size at which an open layer is rolled: such that all those that have one can have as many
   * frozen ones as there may be beside it within the memory for all.
   */
  long rollSizeBytes() {
    long layers = (1L + TimelineLayers.FROZEN_MAX) * Math.max(1, timelinesInMemory.get());
    long share = limits.openLayersSizeBytesTotalMax() / layers;
    return Math.max(ROLL_SIZE_BYTES_MIN, Math.min(limits.openLayerSizeBytesMax(), share));
  }
}
