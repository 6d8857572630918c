package io.coppice.pageserver.remote;

import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.id.WalStart;
import io.coppice.pageserver.layer.LayerDescriptor;
import io.coppice.pageserver.layer.LayerName;
import java.util.List;
import java.util.Optional;

/**
 * All that makes a timeline, and that a restart finds: only what the newest index names is part of
 * it. What changes is changed by {@link #with()}.
 *
 * @param name unique in the tenant
 * @param readableFrom oldest LSN that can be read
 * @param diskConsistentLsn everything at or before it is in the layers
 * @param prevRecordLsn start of the record that ends at {@code diskConsistentLsn}; invalid if not
 *     known
 * @param walStart whether WAL of its own may be on safekeepers, which then must not begin it anew
 * @param term what is set about its life
 * @param hold what is kept of its history beyond what is kept of all
 * @param replaced the timeline whose name it has taken over
 * @param deleted its layers are being deleted; it must not be used any more
 * @param removed layers that are no longer part of it, and whose objects may still have to be
 *     deleted
 */
public record TimelineIndex(
    TimelineIdentity identity,
    String name,
    Lsn readableFrom,
    Lsn diskConsistentLsn,
    Lsn prevRecordLsn,
    WalStart walStart,
    BranchTerm term,
    HistoryHold hold,
    Optional<Replaced> replaced,
    boolean deleted,
    List<LayerDescriptor> layers,
    List<LayerName> removed) {

  public TimelineIndex {
    layers = List.copyOf(layers);
    removed = List.copyOf(removed);
  }

  /** A new timeline without layers or WAL: all there is at its start is in its ancestor. */
  public static TimelineIndex starting(
      TimelineIdentity identity, String name, Lsn readableFrom, Lsn prevRecordLsn) {
    return new TimelineIndex(
        identity,
        name,
        readableFrom,
        identity.startLsn(),
        prevRecordLsn,
        WalStart.NONE,
        BranchTerm.OPEN,
        HistoryHold.NONE,
        Optional.empty(),
        false,
        List.of(),
        List.of());
  }

  public TenantTimelineId id() {
    return identity.id();
  }

  public Optional<TimelineId> ancestor() {
    return identity.ancestor();
  }

  public Lsn startLsn() {
    return identity.startLsn();
  }

  /** Begins a changed one; all that is not set stays as it is. */
  public Change with() {
    return new Change(this);
  }

  /** An index of which some fields are set anew. */
  public static final class Change {
    private TimelineIdentity identity;
    private String name;
    private Lsn readableFrom;
    private Lsn diskConsistentLsn;
    private Lsn prevRecordLsn;
    private WalStart walStart;
    private BranchTerm term;
    private HistoryHold hold;
    private Optional<Replaced> replaced;
    private boolean deleted;
    private List<LayerDescriptor> layers;
    private List<LayerName> removed;

    private Change(TimelineIndex before) {
      identity = before.identity;
      name = before.name;
      readableFrom = before.readableFrom;
      diskConsistentLsn = before.diskConsistentLsn;
      prevRecordLsn = before.prevRecordLsn;
      walStart = before.walStart;
      term = before.term;
      hold = before.hold;
      replaced = before.replaced;
      deleted = before.deleted;
      layers = before.layers;
      removed = before.removed;
    }

    public Change name(String newName) {
      name = newName;
      return this;
    }

    public Change readableFrom(Lsn lsn) {
      readableFrom = lsn;
      return this;
    }

    /**
     * Sets up to where everything is in the layers, and the start of the record that ends there.
     */
    public Change diskConsistent(Lsn lsn, Lsn prevRecord) {
      diskConsistentLsn = lsn;
      prevRecordLsn = prevRecord;
      return this;
    }

    /** Takes it off its ancestor: history before the branch point cannot be read any more. */
    public Change detached() {
      identity = identity.withoutAncestor();
      readableFrom = Lsn.max(readableFrom, identity.startLsn());
      return this;
    }

    public Change walStart(WalStart start) {
      walStart = start;
      return this;
    }

    public Change term(BranchTerm newTerm) {
      term = newTerm;
      return this;
    }

    public Change hold(HistoryHold newHold) {
      hold = newHold;
      return this;
    }

    public Change replaced(Replaced before) {
      replaced = Optional.of(before);
      return this;
    }

    public Change deleted(boolean isDeleted) {
      deleted = isDeleted;
      return this;
    }

    public Change layers(List<LayerDescriptor> newLayers) {
      layers = newLayers;
      return this;
    }

    public Change removed(List<LayerName> names) {
      removed = names;
      return this;
    }

    /** The changed index. */
    public TimelineIndex build() {
      return new TimelineIndex(
          identity,
          name,
          readableFrom,
          diskConsistentLsn,
          prevRecordLsn,
          walStart,
          term,
          hold,
          replaced,
          deleted,
          layers,
          removed);
    }
  }
}
