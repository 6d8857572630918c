package io.coppice.pageserver.tenant;

import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import java.util.Optional;

/**
 * A branch whose name is to stand for another timeline.
 *
 * @param branch the timeline that has the name
 * @param timeline id of the one that will, chosen by the caller
 * @param source what that one is branched off: {@code branch} itself to go back in its history, or
 *     its parent
 * @param lsn where; empty for the newest state
 * @param keptAs the new name of {@code branch}; empty for its name and the time
 * @param waitMillis how long to wait for the source to reach the LSN
 */
public record ReplacementRequest(
    TenantTimelineId branch,
    TimelineId timeline,
    TimelineId source,
    Optional<Lsn> lsn,
    Optional<String> keptAs,
    long waitMillis) {}
