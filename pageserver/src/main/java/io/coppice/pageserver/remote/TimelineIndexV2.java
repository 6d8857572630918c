package io.coppice.pageserver.remote;

import io.coppice.common.error.StorageException;
import io.coppice.pageserver.remote.TimelineIndexCodec.IndexJson;
import io.coppice.pageserver.remote.TimelineIndexCodec.LayerJson;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The index of a timeline as a document, version 2: the same as version 3 without its options. */
final class TimelineIndexV2 {
  private static final DocumentCodec<Json> DOCUMENT =
      new DocumentCodec<>("coppice-timeline", 2, Json.class);

  private TimelineIndexV2() {}

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
      int walAttempts,
      int walStarted,
      boolean deleted,
      List<LayerJson> layers) {}

  static boolean isOne(byte[] bytes) {
    return DOCUMENT.isNamedBy(bytes);
  }

  static IndexJson decode(String object, byte[] bytes) throws StorageException {
    return IndexJson.plain(DOCUMENT.decode(object, bytes));
  }
}
