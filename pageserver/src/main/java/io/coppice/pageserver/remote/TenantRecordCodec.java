package io.coppice.pageserver.remote;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TimelineId;
import java.time.Instant;
import java.time.format.DateTimeParseException;

/** A tenant as a document, version 1. */
final class TenantRecordCodec {
  private static final DocumentCodec<TenantJson> DOCUMENT =
      new DocumentCodec<>("coppice-tenant", 1, TenantJson.class);

  private TenantRecordCodec() {}

  record TenantJson(
      String tenant,
      String name,
      String createdAt,
      int pgMajor,
      String systemId,
      int walSegmentSizeBytes,
      String rootTimeline) {}

  static byte[] encode(TenantRecord tenant) {
    return DOCUMENT.encode(
        new TenantJson(
            tenant.id().toString(),
            tenant.name(),
            tenant.createdAt().toString(),
            tenant.pgMajor(),
            Long.toUnsignedString(tenant.systemId()),
            tenant.walSegmentSizeBytes(),
            tenant.rootTimeline().toString()));
  }

  static TenantRecord decode(String object, TenantId id, byte[] bytes) throws StorageException {
    TenantJson json = DOCUMENT.decode(object, bytes);
    try {
      if (!TenantId.parse(json.tenant).equals(id)) {
        throw new StorageException.Corrupt("%s is of tenant %s".formatted(object, json.tenant));
      }
      return new TenantRecord(
          id,
          json.name,
          Instant.parse(json.createdAt),
          json.pgMajor,
          Long.parseUnsignedLong(json.systemId),
          json.walSegmentSizeBytes,
          TimelineId.parse(json.rootTimeline));
    } catch (IllegalArgumentException | DateTimeParseException | NullPointerException e) {
      throw new StorageException.Corrupt("%s: not a tenant: %s".formatted(object, e), e);
    }
  }
}
