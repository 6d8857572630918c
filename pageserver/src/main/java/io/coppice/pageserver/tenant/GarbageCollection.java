package io.coppice.pageserver.tenant;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.platform.Clock;
import io.coppice.pageserver.gc.Cutoff;
import io.coppice.pageserver.gc.GarbageLayers;
import io.coppice.pageserver.gc.GcSettings;
import io.coppice.pageserver.gc.History;
import io.coppice.pageserver.gc.Leases;
import io.coppice.pageserver.gc.LsnRanges;
import io.coppice.pageserver.gc.Retention;
import io.coppice.pageserver.layer.LayerDescriptor;
import io.coppice.pageserver.query.CommitIndex;
import io.coppice.pageserver.remote.RemoteStore;
import io.coppice.pageserver.remote.TimelineIndex;
import io.coppice.pageserver.timeline.Precaution;
import io.coppice.pageserver.timeline.Timeline;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Collects garbage: moves the LSN from which a timeline can be read, and drops the layers that no
 * read needs any more. Thread safe; blocks.
 *
 * <pre>
 *  1. of each timeline: where its window of time begins             reads the commit index
 *  2. under the tenants' lock: the new cut-offs, below which from   no branch is made and nothing
 *     here on                                                       is leased
 *  3. the cut-offs are saved in the indexes                         reads below them are refused
 *  4. under the lock: what is needed, by the cut-offs as they are
 *     saved, of all timelines, also of those being made or deleted
 *  5. layers that are not needed are taken out of the indexes       and then deleted
 *  6. some that stay are written anew, without what images hide
 * </pre>
 *
 * <p>A branch that appears after 4 begins at or above the cut-off of its parent, so what it needs
 * is among what was found.
 */
public final class GarbageCollection {
  private static final Logger log = LoggerFactory.getLogger(GarbageCollection.class);

  /** Of one branch in one run: the more are rewritten at once, the longer the others wait. */
  private static final int REWRITTEN_LAYERS_MAX = 8;

  private final TenantStates tenants;
  private final RemoteStore remote;
  private final Clock clock;
  private final GarbageMetrics metrics;
  private final Leases leases;
  private final Instant startedAt;
  private final long startedMillis;

  GarbageCollection(TenantStates tenants, RemoteStore remote, Clock clock, GarbageMetrics metrics) {
    this.tenants = tenants;
    this.remote = remote;
    this.clock = clock;
    this.metrics = metrics;
    this.leases = new Leases(clock);
    this.startedAt = clock.now();
    this.startedMillis = clock.monotonicMillis();
  }

  /**
   * What was, or would be, done with a branch.
   *
   * @param before where its history began
   * @param cutoff where it begins now, and why not later
   * @param heldByBranches names of the branches for which layers are kept that it does not need
   *     itself
   * @param layers how many go
   * @param sizeBytes of those
   * @param failure why not all of it was done
   */
  public record Report(
      TenantTimelineId id,
      String name,
      Lsn before,
      Cutoff cutoff,
      List<String> heldByBranches,
      int layers,
      long sizeBytes,
      Optional<String> failure) {}

  /**
   * Promises that an LSN stays readable for a while.
   *
   * @return until when
   * @throws StorageException.Precondition if it is below the cut-off, or yet to come
   */
  public Instant lease(TenantTimelineId id, Lsn lsn) throws StorageException {
    return tenants.locked(() -> {
      TenantState state = tenants.get(id.tenant());
      Timeline timeline = state.get(id.timeline());
      Lsn oldest = state.cutoff(timeline);
      if (lsn.isBefore(oldest) || lsn.isAfter(timeline.lastRecordLsn())) {
        throw new StorageException.Precondition(
            "LSN %s of branch \"%s\" cannot be read; from %s to %s can"
                .formatted(lsn, timeline.name(), oldest, timeline.lastRecordLsn()));
      }
      return leases.lease(id, lsn);
    });
  }

  /** Does something while no garbage is collected: what is collected from then on knows of it. */
  synchronized void undisturbed(Precaution action) throws StorageException {
    action.take();
  }

  /**
   * Collects the garbage of a tenant.
   *
   * @param only this branch; all if empty
   * @param dryRun only tells what would go
   * @return what became of each branch, in order of name
   */
  public synchronized List<Report> run(
      TenantId tenant, Optional<TimelineId> only, GcSettings settings, boolean dryRun)
      throws StorageException {
    if (dryRun) {
      return collect(tenant, only, settings, true);
    }
    metrics.began();
    try {
      remote.checkNewest();
      List<Report> reports = collect(tenant, only, settings, false);
      reports.forEach(this::count);
      return reports;
    } catch (StorageException e) {
      metrics.failed();
      throw e;
    }
  }

  private void count(Report report) {
    metrics.removed(report.layers(), report.sizeBytes());
    if (report.failure().isPresent()) {
      metrics.failed();
    }
  }

  private List<Report> collect(
      TenantId tenant, Optional<TimelineId> only, GcSettings settings, boolean dryRun)
      throws StorageException {
    Map<TimelineId, Run> runs = new LinkedHashMap<>();
    for (Timeline timeline : timelines(tenant, only)) {
      runs.put(timeline.id().timeline(), new Run(timeline, settings));
    }
    runs.values().forEach(this::findWindow);
    tenants.locked(() -> {
      TenantState state = tenants.get(tenant);
      runs.values().forEach(run -> plan(state, run, dryRun));
      return state;
    });
    if (!dryRun) {
      runs.values().forEach(GarbageCollection::saveCutoff);
    }
    Retention retention = tenants.locked(() -> retention(tenants.get(tenant), runs, dryRun));
    List<Report> reports = new ArrayList<>();
    for (Run run : runs.values()) {
      reports.add(collect(tenant, run, retention, dryRun));
    }
    return reports;
  }

  private List<Timeline> timelines(TenantId tenant, Optional<TimelineId> only)
      throws StorageException {
    return tenants
        .locked(() -> {
          TenantState state = tenants.get(tenant);
          state.checkAllKnown();
          return only.isPresent() ? List.of(state.get(only.get())) : state.timelines();
        })
        .stream()
        .sorted(Comparator.comparing(Timeline::name))
        .toList();
  }

  /**
   * That a branch does not need something of its ancestor must not be taken back by an earlier
   * start, which may not know yet that it was followed, and save an older index of the branch.
   */
  private void claimBranches(TenantId tenant, Timeline ancestor) throws StorageException {
    for (Timeline timeline : tenants.locked(() -> tenants.get(tenant).readersOf(ancestor))) {
      timeline.claim();
    }
  }

  /** What is found about one timeline on the way. */
  private static final class Run {
    final Timeline timeline;
    final GcSettings settings;
    final Lsn before;
    Optional<Lsn> window = Optional.empty();
    Cutoff cutoff;
    Optional<String> failure = Optional.empty();

    Run(Timeline timeline, GcSettings settings) {
      this.timeline = timeline;
      this.settings = settings;
      this.before = timeline.readableFrom();
      this.cutoff = new Cutoff(before, Cutoff.Reason.FAILURE);
    }

    void failed(StorageException e) {
      log.warn("garbage of {} is not all collected: {}", timeline.id(), e.getMessage());
      failure = Optional.of(String.valueOf(e.getMessage()));
    }
  }

  /** Where the state lies that was current as long ago as history is kept. */
  private void findWindow(Run run) {
    if (run.settings.pitr().isZero() || keptWhole(run.timeline).isPresent()) {
      return;
    }
    try {
      Instant begin = now().minus(run.settings.pitr());
      run.window = Optional.of(CommitIndex.atTime(run.timeline, begin).lsn());
    } catch (StorageException e) {
      run.failed(e);
    }
  }

  /** The time, but never ahead of it because a clock has jumped since the start. */
  private Instant now() {
    Instant steady = startedAt.plusMillis(clock.monotonicMillis() - startedMillis);
    Instant now = clock.now();
    return now.isBefore(steady) ? now : steady;
  }

  private void plan(TenantState state, Run run, boolean dryRun) {
    if (run.failure.isPresent()) {
      return;
    }
    Timeline timeline = run.timeline;
    Lsn before = state.cutoff(timeline);
    Optional<Cutoff.Reason> kept = keptWhole(timeline);
    if (kept.isPresent()) {
      run.cutoff = new Cutoff(before, kept.get());
      return;
    }
    run.cutoff =
        leases.unknownFor().isZero()
            ? Cutoff.of(
                new Cutoff.Inputs(
                    before,
                    timeline.startLsn(),
                    timeline.lastRecordLsn(),
                    timeline.diskConsistentLsn(),
                    run.window,
                    oldestLease(timeline)),
                run.settings)
            : new Cutoff(before, Cutoff.Reason.START);
    if (!dryRun) {
      state.planCutoff(timeline, run.cutoff.lsn());
    }
  }

  /** The oldest LSN of a timeline that somebody was promised will stay readable. */
  Optional<Lsn> oldestLease(Timeline timeline) {
    return Stream.of(
            leases.oldest(timeline.id()), timeline.durableIndex().hold().oldestLease(now()))
        .flatMap(Optional::stream)
        .min(Lsn::compareTo);
  }

  /** Why nothing at all is taken from a timeline; empty if something may be. */
  private static Optional<Cutoff.Reason> keptWhole(Timeline timeline) {
    TimelineIndex index = timeline.durableIndex();
    if (index.hold().gcBlock().isPresent()) {
      return Optional.of(Cutoff.Reason.BLOCKED);
    }
    return index.term().isArchived() ? Optional.of(Cutoff.Reason.ARCHIVED) : Optional.empty();
  }

  private static void saveCutoff(Run run) {
    Lsn lsn = run.cutoff.lsn();
    if (lsn.isAfter(run.timeline.readableFrom())) {
      try {
        var _ =
            run.timeline.change(
                index -> index.with().readableFrom(Lsn.max(index.readableFrom(), lsn)).build());
      } catch (StorageException e) {
        run.failed(e);
      }
    }
  }

  private static Retention retention(TenantState state, Map<TimelineId, Run> runs, boolean dryRun) {
    List<History> histories = new ArrayList<>();
    for (History history : state.histories()) {
      Run run = runs.get(history.id());
      histories.add(dryRun && run != null ? history.withReadableFrom(run.cutoff.lsn()) : history);
    }
    return new Retention(histories);
  }

  private Report collect(TenantId tenant, Run run, Retention retention, boolean dryRun)
      throws StorageException {
    if (keptWhole(run.timeline).isPresent()) {
      return new Report(
          run.timeline.id(),
          run.timeline.name(),
          run.before,
          run.cutoff,
          List.of(),
          0,
          0,
          run.failure);
    }
    TimelineId id = run.timeline.id().timeline();
    List<LayerDescriptor> layers = run.timeline.durableIndex().layers();
    GarbageLayers garbage = new GarbageLayers(layers);
    LsnRanges needed = retention.needed(id);
    LsnRanges neededByItself = retention.neededByItself(id);
    List<LayerDescriptor> gone = new ArrayList<>();
    TreeSet<String> holders = new TreeSet<>();
    for (LayerDescriptor layer : layers) {
      if (garbage.isGarbage(layer.name(), needed)) {
        gone.add(layer);
      } else if (garbage.isGarbage(layer.name(), neededByItself)) {
        holders.addAll(retention.holders(id, layer.name().lsnFrom()));
      }
    }
    long sizeBytes = gone.stream().mapToLong(LayerDescriptor::sizeBytes).sum();
    if (!dryRun && !gone.isEmpty()) {
      try {
        claimBranches(tenant, run.timeline);
        run.timeline.replaceLayers(gone.stream().map(LayerDescriptor::name).toList(), List.of());
        log.info(
            "dropped {} layers, {} bytes, of {}, which is readable from {}",
            gone.size(),
            sizeBytes,
            run.timeline.id(),
            run.timeline.readableFrom());
      } catch (StorageException e) {
        // Compaction may have been faster; the next run looks again.
        run.failed(e);
        gone.clear();
        sizeBytes = 0;
      }
    }
    if (!dryRun && run.failure.isEmpty()) {
      rewrite(tenant, run, needed);
    }
    return new Report(
        run.timeline.id(),
        run.timeline.name(),
        run.before,
        run.cutoff,
        List.copyOf(holders),
        gone.size(),
        sizeBytes,
        run.failure);
  }

  /** Of layers that stay, takes out what an image hides from all reads. */
  private void rewrite(TenantId tenant, Run run, LsnRanges needed) {
    try {
      metrics.rewrote(
          run.timeline.rewriteHistory(
              needed::firstAtOrAfter,
              REWRITTEN_LAYERS_MAX,
              () -> claimBranches(tenant, run.timeline)));
    } catch (StorageException e) {
      // What was rewritten stays so; the next run looks again.
      run.failed(e);
    }
  }
}
