package io.coppice.pageserver.remote;

import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.pageserver.layer.LayerDescriptor;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * All that makes a timeline, and that a restart finds: only what the newest index names is part of
 * it.
 *
 * @param name unique in the tenant
 * @param ancestor the timeline it was branched off, at {@code startLsn}; empty for a root
 * @param startLsn of a root, the LSN of its import
 * @param readableFrom oldest LSN that can be read
 * @param diskConsistentLsn everything at or before it is in the layers
 * @param prevRecordLsn start of the record that ends at {@code diskConsistentLsn}; invalid if not
 *     known
 * @param walStart whether WAL of its own may be on safekeepers, which then must not begin it anew
 * @param deleted its layers are being deleted; it must not be used any more
 */
public record TimelineIndex(
    TenantTimelineId id,
    String name,
    Instant createdAt,
    Optional<TimelineId> ancestor,
    Lsn startLsn,
    Lsn readableFrom,
    Lsn diskConsistentLsn,
    Lsn prevRecordLsn,
    int pgMajor,
    long systemId,
    int walSegmentSizeBytes,
    WalStart walStart,
    boolean deleted,
    List<LayerDescriptor> layers) {

  public TimelineIndex {
    layers = List.copyOf(layers);
  }

  /** The same timeline further on. */
  public TimelineIndex withLayers(
      Lsn newDiskConsistentLsn, Lsn newPrevRecordLsn, List<LayerDescriptor> newLayers) {
    return new TimelineIndex(
        id,
        name,
        createdAt,
        ancestor,
        startLsn,
        readableFrom,
        newDiskConsistentLsn,
        newPrevRecordLsn,
        pgMajor,
        systemId,
        walSegmentSizeBytes,
        walStart,
        deleted,
        newLayers);
  }

  /** The same with other attempts to start its WAL. */
  public TimelineIndex withWalStart(WalStart newWalStart) {
    return new TimelineIndex(
        id,
        name,
        createdAt,
        ancestor,
        startLsn,
        readableFrom,
        diskConsistentLsn,
        prevRecordLsn,
        pgMajor,
        systemId,
        walSegmentSizeBytes,
        newWalStart,
        deleted,
        layers);
  }

  /** The same, to be deleted. */
  public TimelineIndex asDeleted() {
    return new TimelineIndex(
        id,
        name,
        createdAt,
        ancestor,
        startLsn,
        readableFrom,
        diskConsistentLsn,
        prevRecordLsn,
        pgMajor,
        systemId,
        walSegmentSizeBytes,
        walStart,
        true,
        layers);
  }
}
