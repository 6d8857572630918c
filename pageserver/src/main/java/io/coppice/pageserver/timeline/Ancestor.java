package io.coppice.pageserver.timeline;

import io.coppice.common.id.Lsn;
import io.coppice.common.id.TimelineId;

/**
 * Where a branch comes from: what was in that timeline at that LSN and before is also in the
 * branch.
 */
public record Ancestor(TimelineId timeline, Lsn lsn) {}
