package io.coppice.pageserver.remote;

import io.coppice.common.error.StorageException;
import io.coppice.pageserver.remote.TimelineIndexCodec.IndexJson;
import io.coppice.pageserver.remote.TimelineIndexCodec.LayerJson;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The index of a timeline as a document, version 1: it does not say whether WAL was started. It was
 * if any of it has come here. If none has, safekeepers are let begin it, as they were when that
 * version was written.
 */
final class TimelineIndexV1 {
  private static final DocumentCodec<Json> DOCUMENT =
      new DocumentCodec<>("coppice-timeline", 1, Json.class);

  private TimelineIndexV1() {}

  record Json(
      String tenant,
      String timeline,
      String name,
      String createdAt,
      @Nullable String ancestor,
      String startLsn,
      String readableFrom,
      String diskConsistentLsn,
      String prevRecordLsn,
      int pgMajor,
      String systemId,
      int walSegmentSizeBytes,
      boolean deleted,
      List<LayerJson> layers) {}

  static boolean isOne(byte[] bytes) {
    return DOCUMENT.isNamedBy(bytes);
  }

  static IndexJson decode(String object, byte[] bytes) throws StorageException {
    Json old = DOCUMENT.decode(object, bytes);
    int started = old.diskConsistentLsn.equals(old.startLsn) ? 0 : 1;
    return IndexJson.plain(
        new TimelineIndexV2.Json(
            old.tenant,
            old.timeline,
            old.name,
            old.createdAt,
            old.ancestor,
            old.startLsn,
            old.readableFrom,
            old.diskConsistentLsn,
            old.prevRecordLsn,
            old.pgMajor,
            old.systemId,
            old.walSegmentSizeBytes,
            started,
            started,
            old.deleted,
            old.layers));
  }
}
