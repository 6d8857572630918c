package io.coppice.common.metrics;

/**
 * Something with numbers to show. Asked at each scrape, so that things that come and go (branches,
 * say) need not be registered and forgotten.
 */
@FunctionalInterface
public interface MetricSource {

  /** Hands over the numbers as they are now. Must not block for long. */
  void collect(MetricSink sink);
}
