package io.coppice.cli.command;

import io.coppice.cli.output.Column;
import io.coppice.cli.output.Texts;
import io.coppice.common.id.Fork;
import io.coppice.compute.storage.BranchDifference;
import io.coppice.compute.storage.BranchGarbage;
import io.coppice.compute.storage.BranchInfo;
import io.coppice.compute.storage.LayerInfo;
import io.coppice.compute.storage.TenantInfo;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

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
          logicalSize(),
          Column.size("layer_size_bytes", BranchInfo::layerSizeBytes),
          Column.of("state", Columns::state),
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
          logicalSize(),
          Column.size("layer_size_bytes", BranchInfo::layerSizeBytes),
          Column.size("shared_layer_size_bytes", BranchInfo::sharedLayerSizeBytes),
          Column.of("state", Columns::state),
          Column.of("protected", BranchInfo::isProtected),
          Column.of("expires_at", branch -> branch.expiresAt().map(Texts::time).orElse(null)),
          Column.of("expired_at", branch -> branch.expiredAt().map(Texts::time).orElse(null)),
          Column.of("deleted_at", branch -> branch.deletedAt().map(Texts::time).orElse(null)),
          Column.of("archived_at", branch -> branch.archivedAt().map(Texts::time).orElse(null)),
          Column.of("gc_block", branch -> branch.gcBlock().orElse(null)),
          Column.of("leases", Columns::leases),
          Column.of("pg_version", BranchInfo::pgMajor),
          Column.of("created_at", branch -> Texts.time(branch.createdAt())));

  static final List<Column<BranchDifference.Relation>> RELATION_DIFFERENCE =
      List.of(
          Column.of("tablespace", relation -> Integer.toUnsignedString(relation.tag().spcOid())),
          Column.of("database", relation -> Integer.toUnsignedString(relation.tag().dbOid())),
          Column.of("file", relation -> Integer.toUnsignedString(relation.tag().relNumber())),
          Column.of("fork", relation -> fork(relation.tag().fork())),
          Column.of("blocks_a", relation -> orNull(relation.blocksA())),
          Column.of("blocks_b", relation -> orNull(relation.blocksB())),
          Column.of("differing_blocks", BranchDifference.Relation::differingBlocks));

  static final List<Column<BranchDifference>> DIFFERENCE =
      List.of(
          Column.of("ancestor", BranchDifference::ancestorName),
          Column.of("ancestor_timeline_id", difference -> difference.ancestor().toString()),
          Column.of("fork_lsn", difference -> difference.forkLsn().toString()),
          Column.of("lsn_a", difference -> difference.lsnA().toString()),
          Column.of("lsn_b", difference -> difference.lsnB().toString()),
          Column.of("relations", difference -> difference.relations().size()),
          Column.of("differing_blocks", BranchDifference::differingBlocks));

  static final List<Column<LayerInfo>> LAYER =
      List.of(
          Column.of("kind", LayerInfo::kind),
          Column.of("start_lsn", layer -> layer.startLsn().toString()),
          Column.of("end_lsn", layer -> layer.endLsn().toString()),
          Column.size("size_bytes", LayerInfo::sizeBytes),
          Column.of("resident", LayerInfo::resident),
          Column.of("name", LayerInfo::name));

  static final List<Column<BranchGarbage>> GARBAGE =
      List.of(
          Column.of("name", BranchGarbage::name),
          Column.of("readable_from", garbage -> garbage.readableFrom().toString()),
          Column.of("cutoff", garbage -> garbage.cutoff().toString()),
          Column.of("held_by", BranchGarbage::heldBy),
          Column.of(
              "held_by_branches",
              garbage ->
                  garbage.heldByBranches().isEmpty()
                      ? null
                      : String.join(",", garbage.heldByBranches())),
          Column.of("layers", BranchGarbage::layers),
          Column.size("size_bytes", BranchGarbage::sizeBytes),
          Column.of("failure", garbage -> garbage.failure().isEmpty() ? null : garbage.failure()));

  private Columns() {}

  private static @Nullable Object orNull(OptionalLong number) {
    return number.isPresent() ? number.getAsLong() : null;
  }

  private static String fork(int number) {
    return Fork.of(number).name().toLowerCase(Locale.ROOT);
  }

  private static @Nullable String leases(BranchInfo branch) {
    return branch.leases().isEmpty()
        ? null
        : branch.leases().stream()
            .map(lease -> "%s until %s".formatted(lease.lsn(), Texts.time(lease.until())))
            .collect(Collectors.joining(", "));
  }

  private static String state(BranchInfo branch) {
    return branch.state().name().toLowerCase(Locale.ROOT);
  }

  /** The size that Postgres knows, which may not be known here. */
  private static Column<BranchInfo> logicalSize() {
    return new Column<>(
        "logical_size_bytes",
        branch ->
            branch.logicalSizeBytes().isPresent()
                ? (Object) branch.logicalSizeBytes().getAsLong()
                : null,
        branch ->
            branch.logicalSizeBytes().isPresent()
                ? Texts.size(branch.logicalSizeBytes().getAsLong())
                : "-");
  }
}
