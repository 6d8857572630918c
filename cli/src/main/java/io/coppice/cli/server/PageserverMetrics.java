package io.coppice.cli.server;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.metrics.MetricSink;
import io.coppice.common.metrics.MetricSource;
import io.coppice.compute.storage.BranchInfo;
import io.coppice.compute.storage.PageserverClient;
import io.coppice.compute.storage.TenantInfo;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The branches of a page server in numbers, asked for over its own service. Series are kept for so
 * many branches; beyond that, only counts.
 */
final class PageserverMetrics implements MetricSource {
  private static final Logger log = LoggerFactory.getLogger(PageserverMetrics.class);
  private static final int BRANCHES_MAX = 200;

  private final PageserverClient client;

  PageserverMetrics(PageserverClient client) {
    this.client = client;
  }

  @Override
  public void collect(MetricSink sink) {
    try {
      int tenants = 0;
      int branches = 0;
      for (TenantInfo tenant : client.listTenants()) {
        tenants++;
        for (BranchInfo branch : client.listBranches(tenant.id())) {
          branches++;
          if (branches <= BRANCHES_MAX) {
            collect(sink, branch);
          }
        }
      }
      sink.gauge("coppice_pageserver_tenants", "Tenants.", Map.of(), tenants);
      sink.gauge("coppice_pageserver_branches", "Branches of all tenants.", Map.of(), branches);
    } catch (StorageException e) {
      log.warn("page server metrics are incomplete: {}", e.getMessage());
    }
  }

  private static void collect(MetricSink sink, BranchInfo branch) {
    Map<String, String> labels =
        Map.of("tenant", branch.tenant().toString(), "branch", branch.name());
    position(
        sink,
        "last_record",
        "End of the last WAL record replayed.",
        labels,
        branch.lastRecordLsn());
    position(
        sink,
        "disk_consistent",
        "All WAL below is in local layer files.",
        labels,
        branch.diskConsistentLsn());
    position(
        sink,
        "remote_consistent",
        "All WAL below is in the object store.",
        labels,
        branch.remoteConsistentLsn());
    sink.gauge(
        "coppice_pageserver_layer_size_bytes",
        "The branch's own layer files.",
        labels,
        branch.layerSizeBytes());
  }

  private static void position(
      MetricSink sink, String name, String help, Map<String, String> labels, Lsn lsn) {
    sink.gauge("coppice_pageserver_" + name + "_lsn", help, labels, lsn.value());
  }
}
