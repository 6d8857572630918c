package io.coppice.pageserver.remote;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantTimelineId;

/** For tests elsewhere: reads indexes. */
public final class Indexes {
  private Indexes() {}

  public static TimelineIndex read(String object, TenantTimelineId id, byte[] bytes)
      throws StorageException {
    return TimelineIndexCodec.decode(object, id, bytes);
  }
}
