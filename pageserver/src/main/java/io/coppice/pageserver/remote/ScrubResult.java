package io.coppice.pageserver.remote;

import io.coppice.common.id.TenantId;

/** What a scrub found of one branch, in numbers; of a tenant itself, if it has no timeline. */
public final class ScrubResult {
  private final TenantId tenant;
  private final String timeline;
  private String branch;
  private long layers;
  private long layerSizeBytes;
  private long missing;
  private long damaged;
  private long repaired;
  private long orphaned;
  private long orphanedSizeBytes;
  private long deleted;

  ScrubResult(TenantId tenant, String timeline, String branch) {
    this.tenant = tenant;
    this.timeline = timeline;
    this.branch = branch;
  }

  void setBranch(String name) {
    branch = name;
  }

  void addLayer(long sizeBytes) {
    layers++;
    layerSizeBytes += sizeBytes;
  }

  void add(ScrubProblem problem) {
    switch (problem.kind()) {
      case MISSING -> missing++;
      case DAMAGED -> damaged++;
      case ORPHANED -> {}
    }
    repaired += problem.repaired() ? 1 : 0;
  }

  void addOrphan(long sizeBytes, boolean isDeleted) {
    orphaned++;
    orphanedSizeBytes += sizeBytes;
    deleted += isDeleted ? 1 : 0;
  }

  public TenantId tenant() {
    return tenant;
  }

  /** Id; empty for the tenant itself. */
  public String timeline() {
    return timeline;
  }

  /** Name; empty if it cannot be read. */
  public String branch() {
    return branch;
  }

  /** Layers that the index names. */
  public long layers() {
    return layers;
  }

  /** Their bytes, as the index has them. */
  public long layerSizeBytes() {
    return layerSizeBytes;
  }

  public long missing() {
    return missing;
  }

  public long damaged() {
    return damaged;
  }

  /** How many of these are right again. */
  public long repaired() {
    return repaired;
  }

  public long orphaned() {
    return orphaned;
  }

  public long orphanedSizeBytes() {
    return orphanedSizeBytes;
  }

  /** How many orphans were deleted. */
  public long deleted() {
    return deleted;
  }
}
