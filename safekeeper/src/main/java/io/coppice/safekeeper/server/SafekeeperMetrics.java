package io.coppice.safekeeper.server;

import io.coppice.common.metrics.Histograms;
import io.coppice.safekeeper.consensus.Request;
import io.micrometer.core.instrument.Clock;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;

/** What a safekeeper does, counted for all its timelines together. */
final class SafekeeperMetrics {
  private static final String LABEL = "safekeeper";

  private final Clock clock;
  private final Timer flushes;
  private final Counter appendedBytes;
  private final Counter greetings;
  private final Counter votes;
  private final Counter elections;
  private final Counter appends;
  private final Counter refusals;
  private final Counter repairs;
  private final LongAdder backlog = new LongAdder();

  SafekeeperMetrics(MeterRegistry registry, long node) {
    String number = Long.toString(node);
    clock = registry.config().clock();
    flushes =
        Histograms.durations(
            registry,
            "coppice_safekeeper_flush_seconds",
            "How long one sync takes that makes what was appended durable.",
            LABEL,
            number);
    appendedBytes =
        Counter.builder("coppice_safekeeper_appended_bytes")
            .description("Bytes of WAL appended.")
            .tag(LABEL, number)
            .register(registry);
    refusals =
        Counter.builder("coppice_safekeeper_refused_messages")
            .description("Messages of proposers that were refused.")
            .tag(LABEL, number)
            .register(registry);
    repairs =
        Counter.builder("coppice_safekeeper_repaired_blocks")
            .description("Damaged blocks of WAL that were found and repaired unasked.")
            .tag(LABEL, number)
            .register(registry);
    greetings = messages(registry, number, "greeting");
    votes = messages(registry, number, "vote_request");
    elections = messages(registry, number, "elected");
    appends = messages(registry, number, "append");
    Gauge.builder("coppice_safekeeper_backlog_messages", backlog, LongAdder::sum)
        .description("Messages of proposers that have come and are not handled yet.")
        .tag(LABEL, number)
        .register(registry);
  }

  private static Counter messages(MeterRegistry registry, String number, String kind) {
    return Counter.builder("coppice_safekeeper_messages")
        .description("Messages of proposers, by kind.")
        .tag(LABEL, number)
        .tag("kind", kind)
        .register(registry);
  }

  void came() {
    backlog.increment();
  }

  void handled(Request request) {
    backlog.decrement();
    switch (request) {
      case Request.Greeting _ -> greetings.increment();
      case Request.VoteRequest _ -> votes.increment();
      case Request.Elected _ -> elections.increment();
      case Request.Append append -> {
        appends.increment();
        appendedBytes.increment(append.data().remaining());
      }
    }
  }

  void refused() {
    refusals.increment();
  }

  void repaired() {
    repairs.increment();
  }

  /** For {@link #flushed}. */
  long nanos() {
    return clock.monotonicTime();
  }

  /** Returns how long it took. */
  long flushed(long startNanos) {
    long tookNanos = nanos() - startNanos;
    flushes.record(tookNanos, TimeUnit.NANOSECONDS);
    return tookNanos;
  }
}
