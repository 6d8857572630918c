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
        counter(
            registry,
            "coppice_pageserver_gc_runs",
            "Garbage collections of a tenant, or of one branch, that were begun.");
    failures =
        counter(
            registry,
            "coppice_pageserver_gc_failures",
            "Branches, or tenants, whose garbage was not all collected in a run.");
    removedLayers =
        counter(
            registry,
            "coppice_pageserver_gc_removed_layers",
            "Layers that nobody could read any more, and that were dropped.");
    removedBytes =
        counter(
            registry, "coppice_pageserver_gc_removed_bytes", "Bytes of the files of these layers.");
    rewrittenLayers =
        counter(
            registry,
            "coppice_pageserver_gc_rewritten_layers",
            "Layers that were written anew without what nobody could read any more.");
  }

  private static Counter counter(MeterRegistry registry, String name, String help) {
    return Counter.builder(name).description(help).register(registry);
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
