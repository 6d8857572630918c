package io.coppice.pageserver.server;

import io.coppice.common.metrics.Histograms;
import io.coppice.proto.page.GetPageStatusCode;
import io.micrometer.core.instrument.Clock;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** Requests for pages, and waits for WAL, counted. */
final class RequestMetrics {
  private static final String STATUS_PREFIX = "GET_PAGE_STATUS_CODE_";

  private final Clock clock;
  private final Timer getPages;
  private final Timer lsnWaits;
  private final Counter pages;
  private final Map<GetPageStatusCode, Counter> outcomes = new EnumMap<>(GetPageStatusCode.class);

  RequestMetrics(MeterRegistry registry) {
    clock = registry.config().clock();
    getPages =
        Histograms.durations(
            registry,
            "coppice_pageserver_get_pages_seconds",
            "How long a request for pages takes, with its waits.");
    lsnWaits =
        Histograms.durations(
            registry,
            "coppice_pageserver_lsn_wait_seconds",
            "How long requests waited for WAL that was not here yet; those that need not do not"
                + " count.");
    pages =
        Counter.builder("coppice_pageserver_pages")
            .description("Pages handed out.")
            .register(registry);
    for (GetPageStatusCode code : GetPageStatusCode.values()) {
      outcomes.put(
          code,
          Counter.builder("coppice_pageserver_get_pages_requests")
              .description("Requests for pages, by how they ended.")
              .tag("outcome", code.name().replace(STATUS_PREFIX, "").toLowerCase(Locale.ROOT))
              .register(registry));
    }
  }

  /** For {@link #answered} and {@link #waited}. */
  long nanos() {
    return clock.monotonicTime();
  }

  void answered(GetPageStatusCode code, int pageCount, long startNanos) {
    getPages.record(nanos() - startNanos, TimeUnit.NANOSECONDS);
    pages.increment(pageCount);
    Counter counter = outcomes.get(code);
    if (counter != null) {
      counter.increment();
    }
  }

  void waited(long startNanos) {
    lsnWaits.record(nanos() - startNanos, TimeUnit.NANOSECONDS);
  }
}
