package io.coppice.compute.storage;

import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A branch as the page server describes it.
 *
 * @param startLsn where it left its ancestor; on a root, where its history begins
 * @param lastRecordLsn the newest state that can be read
 * @param prevRecordLsn start of the record that ends there; invalid if not known
 * @param layerSizeBytes of its own layer files
 * @param sharedLayerSizeBytes of its ancestors' layer files that it can read from
 * @param logicalSizeBytes of all relations; empty if it is not known
 * @param expiresAt when it ends by itself
 * @param expiredAt since when it has ended
 * @param deletedAt until when it can be recovered
 * @param archivedAt since when it is put away
 * @param gcBlock why garbage collection leaves it alone; empty if it does not
 * @param leases LSNs that stay readable until a time
 */
public record BranchInfo(
    TenantId tenant,
    TimelineId timeline,
    String name,
    Optional<TimelineId> ancestor,
    Optional<String> ancestorName,
    Lsn startLsn,
    Lsn lastRecordLsn,
    Lsn prevRecordLsn,
    Lsn diskConsistentLsn,
    Lsn remoteConsistentLsn,
    Instant createdAt,
    int pgMajor,
    long systemId,
    int walSegmentSizeBytes,
    long layerSizeBytes,
    long sharedLayerSizeBytes,
    OptionalLong logicalSizeBytes,
    boolean isProtected,
    Optional<Instant> expiresAt,
    Optional<Instant> expiredAt,
    Optional<Instant> deletedAt,
    Optional<Instant> archivedAt,
    Optional<String> gcBlock,
    List<Lease> leases) {

  /** An LSN that stays readable until a time. */
  public record Lease(Lsn lsn, Instant until) {}

  /** What can be done with a branch. */
  public enum State {
    ACTIVE,
    /** Active, and not to be deleted, restored, reset or ended. */
    PROTECTED,
    /** Put away: it cannot be used before it is brought back. */
    ARCHIVED,
    /** Over: it can be recovered until it is deleted. */
    EXPIRED
  }

  public State state() {
    if (expiredAt.isPresent()) {
      return State.EXPIRED;
    }
    if (archivedAt.isPresent()) {
      return State.ARCHIVED;
    }
    return isProtected ? State.PROTECTED : State.ACTIVE;
  }

  public TenantTimelineId id() {
    return new TenantTimelineId(tenant, timeline);
  }
}
