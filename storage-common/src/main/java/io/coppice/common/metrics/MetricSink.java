package io.coppice.common.metrics;

import java.util.Map;

/** Takes the numbers of one scrape. */
public interface MetricSink {

  /**
   * One number. Prometheus knows doubles only: a position above 2^53 (eight petabytes of WAL) is
   * rounded.
   *
   * @param name {@code coppice_} first, the unit last: {@code coppice_layer_size_bytes}
   * @param help one sentence; the same for each use of a name
   * @param labels the same label names for each use of a name
   */
  void gauge(String name, String help, Map<String, String> labels, long value);
}
