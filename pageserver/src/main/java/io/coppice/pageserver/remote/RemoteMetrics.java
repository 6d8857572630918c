package io.coppice.pageserver.remote;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;

/** Layer files on their way to and from the object store, counted. */
public final class RemoteMetrics {
  private final Counter uploaded;
  private final Counter uploadsFailed;
  private final Counter downloaded;
  private final Counter downloadsFailed;
  private final Counter downloadsDamaged;
  private final Counter replacing;

  public RemoteMetrics(MeterRegistry registry) {
    uploaded = uploads(registry, "ok");
    uploadsFailed = uploads(registry, "failed");
    downloaded = downloads(registry, "ok");
    downloadsFailed = downloads(registry, "failed");
    downloadsDamaged = downloads(registry, "damaged");
    replacing =
        Counter.builder("coppice_pageserver_layers_damaged")
            .description("Local layer files that were found damaged, to be got again.")
            .register(registry);
  }

  private static Counter uploads(MeterRegistry registry, String outcome) {
    return Counter.builder("coppice_pageserver_layer_uploads")
        .description("Layer files brought to the object store, by how it ended.")
        .tag("outcome", outcome)
        .register(registry);
  }

  private static Counter downloads(MeterRegistry registry, String outcome) {
    return Counter.builder("coppice_pageserver_layer_downloads")
        .description("Layer files got from the object store, by how it ended.")
        .tag("outcome", outcome)
        .register(registry);
  }

  void upload(boolean succeeded) {
    (succeeded ? uploaded : uploadsFailed).increment();
  }

  void downloaded() {
    downloaded.increment();
  }

  void downloadFailed() {
    downloadsFailed.increment();
  }

  void downloadWasDamaged() {
    downloadsDamaged.increment();
  }

  void replacing() {
    replacing.increment();
  }
}
