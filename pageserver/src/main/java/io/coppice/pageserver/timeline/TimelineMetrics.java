package io.coppice.pageserver.timeline;

import io.coppice.common.metrics.Histograms;
import io.coppice.pageserver.layer.KeyRead;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.DistributionSummary;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.util.concurrent.TimeUnit;

/** What the timelines of a page server do, counted for all of them together. */
public final class TimelineMetrics {
  private final DistributionSummary layersPerPage;
  private final DistributionSummary recordsPerPage;
  private final Timer flushes;
  private final Counter flushedBytes;
  private final Counter failures;
  private final Timer compactions;
  private final Counter compactedLayers;
  private final Counter imageLayers;

  public TimelineMetrics(MeterRegistry registry) {
    layersPerPage =
        Histograms.counts(
            registry,
            "coppice_pageserver_layers_per_page",
            "Layers that were looked into for one page.");
    recordsPerPage =
        Histograms.counts(
            registry,
            "coppice_pageserver_records_per_page",
            "Records that were applied for one page; none if it was stored as it is.");
    flushes =
        Histograms.durations(
            registry,
            "coppice_pageserver_flush_seconds",
            "How long it takes to write a layer from memory to a file, without its upload.");
    flushedBytes =
        Counter.builder("coppice_pageserver_flushed_bytes")
            .description("Bytes of layer files written from memory.")
            .register(registry);
    compactions =
        Histograms.durations(
            registry,
            "coppice_pageserver_compaction_seconds",
            "How long a compaction of level 0 takes.");
    compactedLayers =
        Counter.builder("coppice_pageserver_compacted_layers")
            .description("Layers of level 0 that were compacted.")
            .register(registry);
    imageLayers =
        Counter.builder("coppice_pageserver_image_layers")
            .description("Image layers that were made of deltas.")
            .register(registry);
    failures =
        Counter.builder("coppice_pageserver_maintenance_failures")
            .description("Runs of flushing, upload and what else goes on by itself that failed.")
            .register(registry);
  }

  /** What a page is made of was found. */
  void page(KeyRead read) {
    layersPerPage.record(read.layerCount());
    recordsPerPage.record(Math.max(0, read.versions().count() - 1));
  }

  void flushed(long millis, long fileSizeBytes) {
    flushes.record(millis, TimeUnit.MILLISECONDS);
    flushedBytes.increment((double) fileSizeBytes);
  }

  void compacted(int layers, long millis) {
    compactions.record(millis, TimeUnit.MILLISECONDS);
    compactedLayers.increment(layers);
  }

  void madeImages(int layers) {
    imageLayers.increment(layers);
  }

  void failed() {
    failures.increment();
  }
}
