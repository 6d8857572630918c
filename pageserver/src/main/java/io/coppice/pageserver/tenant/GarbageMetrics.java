package io.coppice.pageserver.tenant;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;

/** What garbage collection does, counted for all branches together. Dry runs do not count. */
final class GarbageMetrics {
  private final Counter runs;
  private final Counter failures;
  private final Counter removedLayers;
  private final Counter removedBytes;
  private final Counter rewrittenLayers;

  GarbageMetrics(MeterRegistry registry) {
    runs =
        Counter.builder("coppice_pageserver_gc_runs")
            .description("Garbage collections of a tenant, or of one branch, that were begun.")
            .register(registry);
    failures =
        Counter.builder("coppice_pageserver_gc_failures")
            .description("Branches, or tenants, whose garbage was not all collected in a run.")
            .register(registry);
    removedLayers =
        Counter.builder("coppice_pageserver_gc_removed_layers")
            .description("Layers that nobody could read any more, and that were dropped.")
            .register(registry);
    removedBytes =
        Counter.builder("coppice_pageserver_gc_removed_bytes")
            .description("Bytes of the files of these layers.")
            .register(registry);
    rewrittenLayers =
        Counter.builder("coppice_pageserver_gc_rewritten_layers")
            .description("Layers that were written anew without what nobody could read any more.")
            .register(registry);
  }

  void began() {
    runs.increment();
  }

  void failed() {
    failures.increment();
  }

  void removed(int layers, long sizeBytes) {
    removedLayers.increment(layers);
    removedBytes.increment((double) sizeBytes);
  }

  void rewrote(int layers) {
    rewrittenLayers.increment(layers);
  }
}
