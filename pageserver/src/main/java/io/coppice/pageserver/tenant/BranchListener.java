package io.coppice.pageserver.tenant;

import io.coppice.common.id.TenantTimelineId;
import io.coppice.pageserver.timeline.Timeline;

/** Hears of branches that come and go. Called under no lock; must return quickly. */
public interface BranchListener {
  /** It can be read and written now. */
  void added(Timeline timeline);

  /** It must not be written any more: it goes, or is archived. */
  void removed(TenantTimelineId id);
}
