package io.coppice.pageserver.server;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.metrics.MetricSink;
import io.coppice.common.metrics.MetricSource;
import io.coppice.pageserver.receiver.WalReceivers;
import io.coppice.pageserver.tenant.TenantManager;
import io.coppice.pageserver.timeline.LayerStatistics;
import io.coppice.pageserver.timeline.Timeline;
import java.util.Map;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The branches of a page server in numbers, as they are at each scrape. Series are kept for so many
 * branches; beyond that, only sums.
 */
final class BranchMetrics implements MetricSource {
  private static final Logger log = LoggerFactory.getLogger(BranchMetrics.class);
  private static final int BRANCHES_MAX = 200;

  private final TenantManager tenants;
  private final WalReceivers receivers;
  private final BranchSizes sizes;

  BranchMetrics(TenantManager tenants, WalReceivers receivers, BranchSizes sizes) {
    this.tenants = tenants;
    this.receivers = receivers;
    this.sizes = sizes;
  }

  @Override
  public void collect(MetricSink sink) {
    int branches = 0;
    BranchSizes.Budget budget = sizes.budget();
    long openSizeBytes = 0;
    long frozenSizeBytes = 0;
    long stopped = 0;
    for (Timeline timeline : tenants.timelines()) {
      LayerStatistics layers = timeline.layerStatistics();
      openSizeBytes += layers.openSizeBytes();
      frozenSizeBytes += layers.frozenSizeBytes();
      stopped += receivers.failure(timeline.id()).isPresent() ? 1 : 0;
      if (branches++ < BRANCHES_MAX) {
        collect(sink, timeline, layers);
        collectSizes(sink, timeline, budget);
      }
    }
    sink.gauge("coppice_pageserver_tenants", "Tenants.", Map.of(), tenants.tenants().size());
    sink.gauge("coppice_pageserver_branches", "Branches of all tenants.", Map.of(), branches);
    sink.gauge(
        "coppice_pageserver_branches_stopped",
        "Branches whose WAL cannot be replayed any further.",
        Map.of(),
        stopped);
    sink.gauge(
        "coppice_pageserver_deleted_branches_with_wal",
        "Deleted branches whose WAL is not known to be gone from all safekeepers.",
        Map.of(),
        tenants.deletedBranchesWithWal());
    String help = "Memory of WAL that is not in layer files yet.";
    String name = "coppice_pageserver_memory_layer_size_bytes";
    sink.gauge(name, help, Map.of("state", "open"), openSizeBytes);
    sink.gauge(name, help, Map.of("state", "frozen"), frozenSizeBytes);
  }

  private void collectSizes(MetricSink sink, Timeline timeline, BranchSizes.Budget budget) {
    Map<String, String> labels = labels(timeline);
    try {
      sink.gauge(
          "coppice_pageserver_shared_layer_size_bytes",
          "Layer files of its ancestors that the branch can read from.",
          labels,
          sizes.sharedBytes(timeline));
      Optional<BranchSizes.Logical> size = budget.find(timeline);
      if (size.isPresent()) {
        sink.gauge(
            "coppice_pageserver_logical_size_bytes",
            "All relations of the branch, as Postgres has them.",
            labels,
            size.get().sizeBytes());
      }
    } catch (StorageException e) {
      log.debug("the size of {} is not known: {}", timeline.id(), e.getMessage());
    }
  }

  private static Map<String, String> labels(Timeline timeline) {
    return Map.of("tenant", timeline.id().tenant().toString(), "branch", timeline.name());
  }

  private void collect(MetricSink sink, Timeline timeline, LayerStatistics layers) {
    Map<String, String> labels = labels(timeline);
    Lsn last = timeline.lastRecordLsn();
    sink.gauge(
        "coppice_pageserver_last_record_lsn",
        "End of the last WAL record replayed.",
        labels,
        last.value());
    sink.gauge(
        "coppice_pageserver_disk_consistent_lsn",
        "All WAL below is in local layer files.",
        labels,
        timeline.diskConsistentLsn().value());
    sink.gauge(
        "coppice_pageserver_remote_consistent_lsn",
        "All WAL below is in the object store.",
        labels,
        timeline.remoteConsistentLsn().value());
    sink.gauge(
        "coppice_pageserver_wal_lag_bytes",
        "WAL that safekeepers have committed and that is not replayed yet.",
        labels,
        receivers.committedBeyond(timeline).map(committed -> committed.minus(last)).orElse(0L));
    sink.gauge(
        "coppice_pageserver_layer_size_bytes",
        "The branch's own layer files, here or not.",
        labels,
        layers.fileSizeBytes());
    sink.gauge(
        "coppice_pageserver_resident_layer_size_bytes",
        "The branch's own layer files that are on this machine.",
        labels,
        layers.residentSizeBytes());
    sink.gauge(
        "coppice_pageserver_layers", "The branch's own layer files.", labels, layers.fileCount());
    sink.gauge(
        "coppice_pageserver_level0_layers",
        "Layer files of level 0, which a read may have to look into one by one.",
        labels,
        layers.level0Count());
  }
}
