package io.coppice.pageserver.tenant;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.pageserver.remote.TimelineIdentity;
import io.coppice.pageserver.remote.TimelineIndex;
import io.coppice.pageserver.timeline.RecordPosition;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.postgres.wal.WalLayout;
import java.time.Instant;
import java.util.Optional;

/** What new timelines begin with. */
final class NewTimelines {
  private NewTimelines() {}

  static TimelineIndex root(RootImport root, Instant createdAt) {
    TimelineIdentity identity =
        new TimelineIdentity(
            new TenantTimelineId(root.tenant(), root.timeline()),
            createdAt,
            Optional.empty(),
            root.startLsn(),
            root.pgMajor(),
            root.systemId(),
            root.walSegmentSizeBytes());
    return TimelineIndex.starting(
        identity, root.branchName(), root.startLsn(), root.prevRecordLsn());
  }

  /**
   * Where a branch is made; waits for the parent to get there. The previous record is known only if
   * it is the parent's newest.
   */
  static RecordPosition branchPoint(BranchRequest request, Timeline parent)
      throws StorageException, InterruptedException {
    if (request.lsn().isEmpty()) {
      return parent.recordPosition();
    }
    Lsn lsn = recordBoundary(request.lsn().get(), parent.walSegmentSizeBytes());
    Lsn oldest = Lsn.max(parent.startLsn(), parent.readableFrom());
    if (lsn.isBefore(oldest)) {
      throw new StorageException.Precondition(
          "branch \"%s\" has LSNs from %s to %s; %s is before them"
              .formatted(parent.name(), oldest, parent.lastRecordLsn(), lsn));
    }
    parent.waitForLsn(lsn, request.waitMillis());
    RecordPosition newest = parent.recordPosition();
    return newest.last().equals(lsn) ? newest : new RecordPosition(lsn, Lsn.INVALID);
  }

  /**
   * Where the WAL of a branch at {@code lsn} can begin: rounded up to where records may, but from
   * within a page's header back to the start of the page, since the header is part of that WAL.
   */
  static Lsn recordBoundary(Lsn lsn, int segmentSizeBytes) {
    Lsn aligned = lsn.alignedUp();
    long inPage = aligned.value() % PostgresVersion.WAL_PAGE_SIZE_BYTES;
    Lsn page = aligned.plus(-inPage);
    return inPage < WalLayout.pageHeaderBytes(page, segmentSizeBytes) ? page : aligned;
  }

  /** Whether a branch that was asked for at an LSN begins where this one does. */
  static boolean isBranchPoint(Optional<Lsn> asked, Timeline branch) {
    return asked
        .map(lsn -> recordBoundary(lsn, branch.walSegmentSizeBytes()).equals(branch.startLsn()))
        .orElse(true);
  }

  /**
   * The index of a new branch.
   *
   * @param readableFrom from where on its parent's history stays
   */
  static TimelineIndex branch(
      BranchRequest request,
      Timeline parent,
      RecordPosition at,
      Lsn readableFrom,
      Instant createdAt) {
    TimelineIdentity identity =
        new TimelineIdentity(
            new TenantTimelineId(request.tenant(), request.timeline()),
            createdAt,
            Optional.of(request.parent()),
            at.last(),
            parent.pgMajor(),
            parent.systemId(),
            parent.walSegmentSizeBytes());
    return TimelineIndex.starting(identity, request.name(), readableFrom, at.previous());
  }
}
