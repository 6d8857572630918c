package io.coppice.pageserver.receiver;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;

/** The WAL that a page server takes in, counted for all timelines together. */
public final class IngestMetrics {
  private final Counter bytes;
  private final Counter records;

  public IngestMetrics(MeterRegistry registry) {
    bytes =
        Counter.builder("coppice_pageserver_ingested_bytes")
            .description("Bytes of WAL taken in.")
            .register(registry);
    records =
        Counter.builder("coppice_pageserver_ingested_records")
            .description("Records of WAL taken in.")
            .register(registry);
  }

  void took(long walBytes, long walRecords) {
    bytes.increment((double) walBytes);
    records.increment((double) walRecords);
  }
}
