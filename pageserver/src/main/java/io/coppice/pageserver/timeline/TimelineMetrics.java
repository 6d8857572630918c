package io.coppice.pageserver.timeline;

import io.coppice.common.metrics.Histograms;
import io.coppice.pageserver.layer.ReadContext;
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
    failures =
        Counter.builder("coppice_pageserver_maintenance_failures")
            .description("Runs of flushing, upload and what else goes on by itself that failed.")
            .register(registry);
  }

  /** A page was read; {@code context} has what was found for it. */
  void page(ReadContext context) {
    layersPerPage.record(context.layerCount());
    recordsPerPage.record(Math.max(0, context.versions().count() - 1));
  }

  void flushed(long millis, long fileSizeBytes) {
    flushes.record(millis, TimeUnit.MILLISECONDS);
    flushedBytes.increment((double) fileSizeBytes);
  }

  void failed() {
    failures.increment();
  }
}
