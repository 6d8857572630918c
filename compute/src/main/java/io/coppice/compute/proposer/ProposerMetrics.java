package io.coppice.compute.proposer;

import io.coppice.common.metrics.Histograms;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.util.concurrent.TimeUnit;
import java.util.function.ToDoubleFunction;

/** What a proposer does, as meters. */
public final class ProposerMetrics {
  private ProposerMetrics() {}

  /** Registers the meters of a proposer; one to a registry. */
  public static void register(MeterRegistry registry, WalProposer proposer) {
    gauge(
        registry,
        proposer,
        "coppice_endpoint_gap_bytes",
        "WAL that is durable on this machine and not on a quorum: what the loss of it would lose.",
        WalProposer::gapBytes);
    gauge(
        registry,
        proposer,
        "coppice_endpoint_commit_lsn",
        "All WAL below is on a quorum.",
        of -> of.commitLsn().value());
    gauge(
        registry,
        proposer,
        "coppice_endpoint_received_lsn",
        "All WAL below has come from Postgres.",
        of -> of.receivedLsn().value());
    gauge(
        registry,
        proposer,
        "coppice_endpoint_term",
        "The term that the proposer was elected in.",
        WalProposer::term);
    gauge(
        registry,
        proposer,
        "coppice_endpoint_safekeepers_connected",
        "Safekeepers that take part.",
        WalProposer::connectedCount);
    gauge(
        registry,
        proposer,
        "coppice_endpoint_streaming",
        "1 while WAL streams from Postgres, else 0.",
        of -> of.state() == ProposerState.STREAMING ? 1 : 0);
    Timer waits =
        Histograms.durations(
            registry,
            "coppice_endpoint_quorum_wait_seconds",
            "How long WAL waited from its arrival until a quorum had it; a sample at a time.");
    proposer.onQuorumWait(nanos -> waits.record(nanos, TimeUnit.NANOSECONDS));
  }

  private static void gauge(
      MeterRegistry registry,
      WalProposer proposer,
      String name,
      String help,
      ToDoubleFunction<WalProposer> value) {
    Gauge.builder(name, proposer, value).description(help).strongReference(true).register(registry);
  }
}
