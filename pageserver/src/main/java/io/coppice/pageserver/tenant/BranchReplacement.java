package io.coppice.pageserver.tenant;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.platform.Clock;
import io.coppice.pageserver.remote.BranchTerm;
import io.coppice.pageserver.remote.RemoteStore;
import io.coppice.pageserver.remote.Replaced;
import io.coppice.pageserver.remote.TimelineIndex;
import io.coppice.pageserver.timeline.RecordPosition;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.pageserver.timeline.TimelineEnvironment;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Puts a new timeline behind the name of a branch.
 *
 * <pre>
 *  1. both names and the new id are taken, and the older timeline is held: no endpoint starts on it
 *  2. the index of the new one is saved, with the name and with what it replaces: now it counts
 *  3. the index of the older one is saved with its new name
 *  4. the new one is opened, and names lead to the right ones
 * </pre>
 *
 * <p>A start that finds 2 without 3 does 3. If 2 fails, nobody knows whether it counts, so the new
 * index is deleted before the older timeline may be used again. If 3 fails it is tried until it
 * succeeds.
 */
final class BranchReplacement {
  private static final Logger log = LoggerFactory.getLogger(BranchReplacement.class);

  private static final DateTimeFormatter STAMP =
      DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'", Locale.ROOT).withZone(ZoneOffset.UTC);

  private final TenantStates tenants;
  private final TimelineEnvironment environment;
  private final RemoteStore remote;
  private final Clock clock;
  private final Remedies remedies;

  BranchReplacement(
      TenantStates tenants,
      TimelineEnvironment environment,
      RemoteStore remote,
      Clock clock,
      Remedies remedies) {
    this.tenants = tenants;
    this.environment = environment;
    this.remote = remote;
    this.clock = clock;
    this.remedies = remedies;
  }

  Timeline replace(ReplacementRequest request) throws StorageException, InterruptedException {
    Optional<Timeline> existing = existing(request);
    if (existing.isPresent()) {
      return existing.get();
    }
    Timeline older = find(request.branch());
    String keptAs =
        request.keptAs().orElseGet(() -> older.name() + "-" + STAMP.format(clock.now()));
    Names.check(keptAs);
    Timeline source = find(new TenantTimelineId(request.branch().tenant(), request.source()));
    source.checkUsable();
    String name = older.name();
    BranchRequest branch =
        new BranchRequest(
            request.branch().tenant(),
            request.timeline(),
            name,
            request.source(),
            request.lsn(),
            request.waitMillis());
    RecordPosition at = NewTimelines.branchPoint(branch, source);
    Lsn readableFrom = reserve(request, older, name, keptAs, at.last());
    TimelineIndex index =
        NewTimelines.branch(branch, source, at, readableFrom, clock.now())
            .with()
            .term(new BranchTerm(false, older.term().expiresAt(), Optional.empty()))
            .replaced(new Replaced(older.id().timeline(), keptAs))
            .build();
    boolean saved = false;
    try {
      BranchLifecycle.claimAncestors(source);
      remote.saveIndex(index);
      saved = true;
    } finally {
      if (!saved) {
        var _ = remedies.apply(() -> undo(request, older, index));
      }
    }
    Timeline newer = Timeline.open(environment, index, source);
    if (!remedies.apply(() -> renameOlder(request, older, newer))) {
      throw new StorageException.Transient(
          "branch \"%s\" is replaced by %s, but the older one could not be renamed to \"%s\" yet"
              .formatted(name, newer.id().timeline(), keptAs));
    }
    log.info(
        "branch {} is now {}, branched off {} at {}; what it was is {} ({})",
        name,
        newer.id(),
        source.id(),
        at.last(),
        keptAs,
        older.id());
    return newer;
  }

  private Timeline find(TenantTimelineId id) throws StorageException {
    return tenants.locked(() -> tenants.get(id.tenant()).get(id.timeline()));
  }

  /** The new timeline, if the same request was carried out before. */
  private Optional<Timeline> existing(ReplacementRequest request) throws StorageException {
    Timeline found =
        tenants.locked(() -> tenants.get(request.branch().tenant()).find(request.timeline()));
    if (found == null) {
      return Optional.empty();
    }
    Optional<Replaced> replaced = found.durableIndex().replaced();
    boolean isSame =
        replaced.map(r -> r.timeline().equals(request.branch().timeline())).orElse(false)
            && request.keptAs().map(replaced.orElseThrow().keptAs()::equals).orElse(true)
            && found.ancestor().map(a -> a.timeline().equals(request.source())).orElse(false)
            && NewTimelines.isBranchPoint(request.lsn(), found);
    if (!isSame) {
      throw new StorageException.Conflict(
          "branch %s exists already, as \"%s\"".formatted(request.timeline(), found.name()));
    }
    return Optional.of(found);
  }

  private Lsn reserve(
      ReplacementRequest request, Timeline older, String name, String keptAs, Lsn at)
      throws StorageException {
    return tenants.locked(() -> {
      TenantState state = tenants.get(request.branch().tenant());
      // They may have gone or changed since they were looked up.
      state.get(request.branch().timeline());
      Timeline source = state.get(request.source());
      source.checkUsable();
      older.checkUsable();
      var _ = BranchChanges.refuseIfProtected(older.durableIndex());
      state.checkFree(request.timeline());
      state.checkFree(keptAs);
      if (!older.name().equals(name)) {
        throw new StorageException.Transient(
            "branch \"%s\" was renamed to \"%s\"".formatted(name, older.name()));
      }
      Lsn readableFrom = state.reserve(request.timeline(), source, at);
      state.startRenaming(older.id().timeline(), keptAs);
      older.hold(
          new StorageException.Transient(
              "branch \"%s\" is being replaced by another state of it".formatted(older.name())));
      return readableFrom;
    });
  }

  /** Deletes what may have been saved, and then lets the older timeline be what it was. */
  private void undo(ReplacementRequest request, Timeline older, TimelineIndex index)
      throws StorageException {
    remote.deleteTimeline(index);
    tenants.locked(() -> {
      TenantState state = tenants.get(request.branch().tenant());
      state.cancelRenaming(older.id().timeline(), index.replaced().orElseThrow().keptAs());
      state.cancelReservation(request.timeline(), request.source());
      older.hold(null);
      return older;
    });
  }

  private void renameOlder(ReplacementRequest request, Timeline older, Timeline newer)
      throws StorageException {
    String name = older.name();
    String keptAs = newer.durableIndex().replaced().orElseThrow().keptAs();
    var _ = older.change(index -> index.with().name(keptAs).build());
    tenants.locked(() -> {
      TenantState state = tenants.get(request.branch().tenant());
      state.finishRenaming(older.id().timeline(), name, keptAs);
      state.addWithName(newer);
      older.hold(null);
      return older;
    });
    tenants.tellAdded(newer);
  }
}
