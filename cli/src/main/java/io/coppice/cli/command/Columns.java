package io.coppice.cli.command;

import io.coppice.cli.output.Column;
import io.coppice.cli.output.Texts;
import io.coppice.compute.storage.BranchInfo;
import io.coppice.compute.storage.LayerInfo;
import io.coppice.compute.storage.TenantInfo;
import java.util.List;

/** What is shown of tenants, branches and layers. */
final class Columns {
  static final List<Column<TenantInfo>> TENANT =
      List.of(
          Column.of("name", TenantInfo::name),
          Column.of("tenant_id", tenant -> tenant.id().toString()),
          Column.of("pg_version", TenantInfo::pgMajor),
          Column.of("root_branch", tenant -> tenant.root().name()),
          Column.of("created_at", tenant -> Texts.time(tenant.createdAt())));

  static final List<Column<BranchInfo>> BRANCH_SHORT =
      List.of(
          Column.of("name", BranchInfo::name),
          Column.of("parent", branch -> branch.ancestorName().orElse(null)),
          Column.of("start_lsn", branch -> branch.startLsn().toString()),
          Column.of("last_record_lsn", branch -> branch.lastRecordLsn().toString()),
          Column.size("layer_size_bytes", BranchInfo::layerSizeBytes),
          Column.of("created_at", branch -> Texts.time(branch.createdAt())),
          Column.of("timeline_id", branch -> branch.timeline().toString()));

  static final List<Column<BranchInfo>> BRANCH_LONG =
      List.of(
          Column.of("name", BranchInfo::name),
          Column.of("tenant_id", branch -> branch.tenant().toString()),
          Column.of("timeline_id", branch -> branch.timeline().toString()),
          Column.of("parent", branch -> branch.ancestorName().orElse(null)),
          Column.of(
              "parent_timeline_id", branch -> branch.ancestor().map(Object::toString).orElse(null)),
          Column.of("start_lsn", branch -> branch.startLsn().toString()),
          Column.of("last_record_lsn", branch -> branch.lastRecordLsn().toString()),
          Column.of("disk_consistent_lsn", branch -> branch.diskConsistentLsn().toString()),
          Column.of("remote_consistent_lsn", branch -> branch.remoteConsistentLsn().toString()),
          Column.size("layer_size_bytes", BranchInfo::layerSizeBytes),
          Column.of("pg_version", BranchInfo::pgMajor),
          Column.of("created_at", branch -> Texts.time(branch.createdAt())));

  static final List<Column<LayerInfo>> LAYER =
      List.of(
          Column.of("kind", LayerInfo::kind),
          Column.of("start_lsn", layer -> layer.startLsn().toString()),
          Column.of("end_lsn", layer -> layer.endLsn().toString()),
          Column.size("size_bytes", LayerInfo::sizeBytes),
          Column.of("resident", LayerInfo::resident),
          Column.of("name", LayerInfo::name));

  private Columns() {}
}
