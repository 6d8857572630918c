package io.coppice.pageserver.remote;

import com.fasterxml.jackson.annotation.JsonInclude;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.id.WalStart;
import io.coppice.pageserver.layer.LayerDescriptor;
import io.coppice.pageserver.layer.LayerName;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The index of a timeline as a document, version 3; reads older ones too, which {@link
 * TimelineIndexV1} and {@link TimelineIndexV2} make one of version 3.
 *
 * <p>Version 3 has optional fields: one that is null is not written, and one that is not there is
 * null. Whoever adds one says what that means, so that what was written before it stays readable. A
 * program that does not know a field does not use the index at all: it would lose it.
 */
final class TimelineIndexCodec {
  private static final DocumentCodec<IndexJson> DOCUMENT =
      new DocumentCodec<>("coppice-timeline", 3, IndexJson.class);

  private TimelineIndexCodec() {}

  @JsonInclude(JsonInclude.Include.NON_NULL)
  record IndexJson(
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
      List<LayerJson> layers,
      @Nullable List<String> removed,
      @Nullable Boolean protection,
      @Nullable String expiresAt,
      @Nullable String expiredAt,
      @Nullable String replaced,
      @Nullable String replacedKeptAs,
      @Nullable String archivedAt,
      @Nullable String gcBlock,
      @Nullable List<LeaseJson> leases) {

    /** Without any option. */
    static IndexJson plain(TimelineIndexV2.Json old) {
      return new IndexJson(
          old.tenant(),
          old.timeline(),
          old.name(),
          old.createdAt(),
          old.ancestor(),
          old.startLsn(),
          old.readableFrom(),
          old.diskConsistentLsn(),
          old.prevRecordLsn(),
          old.pgMajor(),
          old.systemId(),
          old.walSegmentSizeBytes(),
          old.walAttempts(),
          old.walStarted(),
          old.deleted(),
          old.layers(),
          null,
          null,
          null,
          null,
          null,
          null,
          null,
          null,
          null);
    }
  }

  record LeaseJson(String lsn, String until) {}

  record LayerJson(String name, int level, long sizeBytes, String crc32c) {}

  static byte[] encode(TimelineIndex index) {
    TimelineIdentity identity = index.identity();
    return DOCUMENT.encode(
        new IndexJson(
            index.id().tenant().toString(),
            index.id().timeline().toString(),
            index.name(),
            identity.createdAt().toString(),
            index.ancestor().map(TimelineId::toString).orElse(null),
            index.startLsn().toString(),
            index.readableFrom().toString(),
            index.diskConsistentLsn().toString(),
            index.prevRecordLsn().toString(),
            identity.pgMajor(),
            Long.toUnsignedString(identity.systemId()),
            identity.walSegmentSizeBytes(),
            index.walStart().attempts(),
            index.walStart().started(),
            index.deleted(),
            index.layers().stream().map(TimelineIndexCodec::layer).toList(),
            index.removed().isEmpty()
                ? null
                : index.removed().stream().map(LayerName::toString).toList(),
            index.term().isProtected() ? true : null,
            index.term().expiresAt().map(Instant::toString).orElse(null),
            index.term().expiredAt().map(Instant::toString).orElse(null),
            index.replaced().map(replaced -> replaced.timeline().toString()).orElse(null),
            index.replaced().map(Replaced::keptAs).orElse(null),
            index.term().archivedAt().map(Instant::toString).orElse(null),
            index.hold().gcBlock().orElse(null),
            index.hold().leases().isEmpty()
                ? null
                : index.hold().leases().stream().map(TimelineIndexCodec::lease).toList()));
  }

  private static LeaseJson lease(LsnLease lease) {
    return new LeaseJson(lease.lsn().toString(), lease.until().toString());
  }

  private static LayerJson layer(LayerDescriptor layer) {
    return new LayerJson(
        layer.name().toString(),
        layer.level(),
        layer.sizeBytes(),
        "%08x".formatted(layer.crc32c()));
  }

  /** Reads an index, which must be of that timeline. */
  static TimelineIndex decode(String object, TenantTimelineId id, byte[] bytes)
      throws StorageException {
    IndexJson json = document(object, bytes);
    try {
      TenantTimelineId found =
          new TenantTimelineId(TenantId.parse(json.tenant), TimelineId.parse(json.timeline));
      if (!found.equals(id)) {
        throw new StorageException.Corrupt("%s is the index of %s".formatted(object, found));
      }
      List<LayerName> removed =
          json.removed == null ? List.of() : json.removed.stream().map(LayerName::parse).toList();
      return new TimelineIndex(
          new TimelineIdentity(
              id,
              Instant.parse(json.createdAt),
              Optional.ofNullable(json.ancestor).map(TimelineId::parse),
              Lsn.parse(json.startLsn),
              json.pgMajor,
              Long.parseUnsignedLong(json.systemId),
              json.walSegmentSizeBytes),
          json.name,
          Lsn.parse(json.readableFrom),
          Lsn.parse(json.diskConsistentLsn),
          Lsn.parse(json.prevRecordLsn),
          new WalStart(json.walAttempts, json.walStarted),
          term(json),
          hold(json),
          replaced(json),
          json.deleted,
          json.layers.stream().map(TimelineIndexCodec::layer).toList(),
          removed);
    } catch (IllegalArgumentException | DateTimeParseException | NullPointerException e) {
      throw new StorageException.Corrupt("%s: not an index: %s".formatted(object, e), e);
    }
  }

  private static BranchTerm term(IndexJson json) {
    return new BranchTerm(
        Boolean.TRUE.equals(json.protection),
        Optional.ofNullable(json.expiresAt).map(Instant::parse),
        Optional.ofNullable(json.expiredAt).map(Instant::parse),
        Optional.ofNullable(json.archivedAt).map(Instant::parse));
  }

  private static HistoryHold hold(IndexJson json) {
    return new HistoryHold(
        Optional.ofNullable(json.gcBlock),
        json.leases == null
            ? List.of()
            : json.leases.stream()
                .map(lease -> new LsnLease(Lsn.parse(lease.lsn), Instant.parse(lease.until)))
                .toList());
  }

  private static Optional<Replaced> replaced(IndexJson json) {
    return json.replaced == null
        ? Optional.empty()
        : Optional.of(
            new Replaced(
                TimelineId.parse(json.replaced), Objects.requireNonNull(json.replacedKeptAs)));
  }

  private static IndexJson document(String object, byte[] bytes) throws StorageException {
    if (TimelineIndexV1.isOne(bytes)) {
      return TimelineIndexV1.decode(object, bytes);
    }
    return TimelineIndexV2.isOne(bytes)
        ? TimelineIndexV2.decode(object, bytes)
        : DOCUMENT.decode(object, bytes);
  }

  private static LayerDescriptor layer(LayerJson json) {
    return new LayerDescriptor(
        LayerName.parse(json.name),
        json.level,
        json.sizeBytes,
        HexFormat.fromHexDigits(json.crc32c));
  }
}
