package io.coppice.common.metrics;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.MultiGauge;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.FileDescriptorMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;

/** The numbers of one process: those of the JVM, and those of the sources. Thread safe. */
public final class Metrics implements AutoCloseable {
  private final PrometheusMeterRegistry registry =
      new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
  private final JvmGcMetrics garbageCollection = new JvmGcMetrics();
  private final List<MetricSource> sources = new CopyOnWriteArrayList<>();
  private final Map<String, MultiGauge> gauges = new HashMap<>();

  public Metrics() {
    garbageCollection.bindTo(registry);
    new JvmMemoryMetrics().bindTo(registry);
    new JvmThreadMetrics().bindTo(registry);
    new ProcessorMetrics().bindTo(registry);
    new UptimeMetrics().bindTo(registry);
    new FileDescriptorMetrics().bindTo(registry);
  }

  /** For timers and counters that are kept where things happen. */
  public MeterRegistry registry() {
    return registry;
  }

  public void add(MetricSource source) {
    sources.add(source);
  }

  /** Asks every source and writes all numbers in Prometheus's text format. */
  public synchronized String scrape() {
    Map<String, List<MultiGauge.Row<?>>> rows = new LinkedHashMap<>();
    Map<String, String> helps = new HashMap<>();
    MetricSink sink =
        (name, help, labels, value) -> {
          helps.putIfAbsent(name, help);
          rows.computeIfAbsent(name, _ -> new ArrayList<>())
              .add(MultiGauge.Row.of(tags(labels), (double) value));
        };
    sources.forEach(source -> source.collect(sink));
    gauges.forEach((name, gauge) -> {
      if (!rows.containsKey(name)) {
        gauge.register(List.of(), true);
      }
    });
    rows.forEach((name, ofName) ->
        gauges
            .computeIfAbsent(name, _ -> gauge(name, helps.getOrDefault(name, "")))
            .register(ofName, true));
    return registry.scrape();
  }

  private MultiGauge gauge(String name, String help) {
    return MultiGauge.builder(name).description(help).register(registry);
  }

  private static Tags tags(Map<String, String> labels) {
    return Tags.of(
        labels.entrySet().stream().map(label -> Tag.of(label.getKey(), label.getValue())).toList());
  }

  @Override
  public void close() {
    garbageCollection.close();
    registry.close();
  }
}
