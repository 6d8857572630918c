package io.coppice.pageserver.sim;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TimelineId;
import io.coppice.pageserver.gc.Cutoff;
import io.coppice.pageserver.gc.GcSettings;
import io.coppice.pageserver.layer.LayerDescriptor;
import io.coppice.pageserver.layer.LayerKind;
import io.coppice.pageserver.layer.LayerName;
import io.coppice.pageserver.query.Commit;
import io.coppice.pageserver.remote.TimelineIndex;
import io.coppice.pageserver.tenant.GarbageCollection;
import io.coppice.pageserver.timeline.TimelineKeys;
import io.coppice.postgres.record.PostgresTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Garbage is collected, and history is leased; how far that may go is found out once more here. */
final class Garbage {
  private static final int PITR_MILLIS_MAX = 3 * 3_600_000;
  private static final int HORIZON_BYTES_MAX = 8_000;

  /** Nothing is kept that nobody holds. */
  static final GcSettings NOTHING_KEPT = new GcSettings(Duration.ZERO, 0);

  private record Lease(SimBranch branch, Lsn lsn, Instant until) {}

  private final World world;
  private final List<Lease> leases = new ArrayList<>();

  Garbage(World world) {
    this.world = world;
  }

  /** Of one branch, or of all. */
  void collect() throws StorageException {
    SimBranch branch = world.any(world.branches);
    collect(
        world.server(), world.onceIn(3) ? Optional.of(branch.id) : Optional.empty(), anySettings());
    for (SimBranch other : world.branches) {
      noteReadableFrom(other);
    }
  }

  GcSettings anySettings() throws StorageException {
    if (world.onceIn(4)) {
      return untilAnImage(world.any(world.branches));
    }
    return new GcSettings(
        Duration.ofMillis(world.onceIn(4) ? 0 : world.random.nextInt(PITR_MILLIS_MAX)),
        world.onceIn(4) ? 0 : world.random.nextInt(HORIZON_BYTES_MAX));
  }

  /** History is to begin just before an image, which has all that it begins with but the last. */
  private GcSettings untilAnImage(SimBranch branch) throws StorageException {
    List<Lsn> images =
        world.server().timeline(branch).durableIndex().layers().stream()
            .map(LayerDescriptor::name)
            .filter(name -> name.kind() == LayerKind.IMAGE)
            .map(LayerName::lsnFrom)
            .filter(lsn -> lsn.isAfter(branch.start) && lsn.isAtOrBefore(branch.last()))
            .toList();
    return images.isEmpty()
        ? NOTHING_KEPT
        : new GcSettings(Duration.ZERO, branch.last().minus(world.any(images)) + 1);
  }

  /** Branches of which layers would go if nothing were kept that nobody holds. */
  List<SimBranch> withGarbage() throws StorageException {
    List<TimelineId> ids =
        foreseen().stream().filter(r -> r.layers() > 0).map(r -> r.id().timeline()).toList();
    return world.branches.stream().filter(branch -> ids.contains(branch.id)).toList();
  }

  /** Branches for each of which alone layers of its parent would be kept. */
  List<SimBranch> holders() throws StorageException {
    List<String> names =
        foreseen().stream()
            .map(GarbageCollection.Report::heldByBranches)
            .filter(holders -> holders.size() == 1)
            .map(List::getFirst)
            .toList();
    return world.branches.stream().filter(branch -> names.contains(branch.name)).toList();
  }

  private List<GarbageCollection.Report> foreseen() throws StorageException {
    return world.server().tenants.garbage().run(World.TENANT, Optional.empty(), NOTHING_KEPT, true);
  }

  /** As a page server does it, maybe one that does not know that it was followed. */
  void collect(SimServer server, Optional<TimelineId> only, GcSettings settings) {
    boolean isDry = world.onceIn(5);
    for (SimBranch branch : world.branches) {
      if (!branch.isBlocked) {
        branch.cutoffMax = Lsn.max(branch.cutoffMax, newestCutoff(branch, settings));
      }
    }
    try {
      List<TimelineIndex> before = indexes(server);
      List<GarbageCollection.Report> reports =
          server.tenants.garbage().run(World.TENANT, only, settings, isDry);
      int dropped = reports.stream().mapToInt(GarbageCollection.Report::layers).sum();
      world.say("collect %s%s: %d layers", settings, isDry ? ", dry" : "", dropped);
      if (isDry) {
        Violation.check(indexes(server).equals(before), "a dry run has changed something");
      } else {
        mark(reports, dropped);
        checkBlocked(reports);
      }
    } catch (StorageException.Transient | StorageException.Fenced e) {
      world.say("collect %s fails", settings);
      world.coverage.mark(
          e instanceof StorageException.Fenced
              ? "garbage collection was fenced"
              : "garbage collection failed");
    } catch (StorageException e) {
      throw new Violation("garbage is not collected: " + e, e);
    }
  }

  private static List<TimelineIndex> indexes(SimServer server) {
    return server.tenants.timelines().stream().map(timeline -> timeline.durableIndex()).toList();
  }

  private void checkBlocked(List<GarbageCollection.Report> reports) {
    for (GarbageCollection.Report report : reports) {
      boolean isBlocked =
          world.branches.stream().anyMatch(b -> b.isBlocked && b.id.equals(report.id().timeline()));
      if (isBlocked) {
        Violation.check(
            report.layers() == 0 && report.cutoff().reason() == Cutoff.Reason.BLOCKED,
            "of %s, which is blocked, %d layers go: %s",
            report.name(),
            report.layers(),
            report.cutoff());
        world.coverage.mark("garbage of a blocked branch stayed");
      }
    }
  }

  private void mark(List<GarbageCollection.Report> reports, int dropped) {
    if (dropped > 0) {
      world.coverage.mark("garbage was dropped");
    }
    for (GarbageCollection.Report report : reports) {
      if (report.cutoff().lsn().isAfter(report.before())) {
        world.coverage.mark("a cut-off moved, held by " + report.cutoff().reason());
      }
      if (!report.heldByBranches().isEmpty()) {
        world.coverage.mark("layers were held by a branch");
      }
      if (report.failure().isPresent()) {
        world.coverage.mark("garbage collection failed for a branch");
      }
    }
  }

  /** Something is kept that would not be. */
  void hold() throws StorageException {
    switch (world.random.nextInt(4)) {
      case 0 -> block();
      case 1, 2 -> leaseDurably();
      default -> lease();
    }
  }

  /** Garbage collection of a branch is blocked, or not any more. */
  private void block() throws StorageException {
    SimBranch branch = world.any(world.branches);
    boolean isBlocked = world.random.nextBoolean();
    try {
      int count =
          world
              .server()
              .tenants
              .holds()
              .setGcBlock(
                  World.TENANT,
                  Optional.of(branch.id),
                  isBlocked ? Optional.of("simulated") : Optional.empty());
      Violation.check(count == 1, "blocked for %d branches", count);
      branch.isBlocked = isBlocked;
      world.say("%s gc of %s", isBlocked ? "block" : "unblock", branch);
      world.coverage.mark(isBlocked ? "gc was blocked" : "gc was unblocked");
    } catch (StorageException.Transient _) {
      // Not blocked any more, perhaps; and if it is, all the more is kept.
      branch.isBlocked = branch.isBlocked && isBlocked;
      world.coverage.mark("blocking gc failed");
    }
  }

  /** Promises that something stays readable, over restarts. */
  private void leaseDurably() throws StorageException {
    SimBranch branch = world.any(world.branches);
    Lsn oldest = Lsn.max(branch.readableFrom, branch.cutoffMax);
    if (branch.last().isBefore(oldest)) {
      return;
    }
    Lsn lsn = oldest.plus(world.random.nextLong(branch.last().minus(oldest) + 1));
    Instant until = world.clock.now().plusMillis(1 + world.random.nextInt(PITR_MILLIS_MAX));
    try {
      var _ = world.server().tenants.holds().lease(World.id(branch), lsn, until);
      world.say("lease %s of %s until %s", lsn, branch, until);
      world.coverage.mark("an LSN was leased durably");
      leases.add(new Lease(branch, lsn, until));
    } catch (StorageException.Transient _) {
      world.coverage.mark("leasing an LSN durably failed");
    }
  }

  /** Promises that something stays readable. */
  void lease() throws StorageException {
    SimBranch branch = world.any(world.branches);
    Lsn oldest = Lsn.max(branch.readableFrom, branch.cutoffMax);
    if (branch.last().isBefore(oldest)) {
      return;
    }
    Lsn lsn = oldest.plus(world.random.nextLong(branch.last().minus(oldest) + 1));
    Instant until = world.server().tenants.garbage().lease(World.id(branch), lsn);
    world.say("lease %s of %s", lsn, branch);
    world.coverage.mark("an LSN was leased");
    leases.add(new Lease(branch, lsn, until));
  }

  /** Whether somebody may have been promised some of its history. */
  boolean isLeased(SimBranch branch) {
    return leases.stream().anyMatch(lease -> lease.branch == branch);
  }

  /** The newest LSN from which on a branch keeps all that it must keep for itself. */
  private Lsn newestCutoff(SimBranch branch, GcSettings settings) {
    Instant now = world.clock.now();
    leases.removeIf(lease -> !lease.until.isAfter(now));
    Lsn cutoff = Lsn.max(branch.start, branch.last().plus(-settings.horizonBytes()));
    cutoff = Lsn.min(cutoff, branch.last());
    if (!settings.pitr().isZero()) {
      cutoff = Lsn.min(cutoff, firstCommitAfter(branch, now.minus(settings.pitr())).plus(-1));
    }
    for (Lease lease : leases) {
      cutoff = lease.branch == branch ? Lsn.min(cutoff, lease.lsn) : cutoff;
    }
    return cutoff;
  }

  private static Lsn firstCommitAfter(SimBranch branch, Instant time) {
    long micros = PostgresTime.fromInstant(time);
    for (Lsn lsn : branch.lsnsOf(TimelineKeys.COMMIT_INDEX)) {
      byte[] value = branch.read(TimelineKeys.COMMIT_INDEX, lsn);
      try {
        if (value != null && Commit.read(value).timeMicros() > micros) {
          return lsn;
        }
      } catch (StorageException.Corrupt e) {
        throw new Violation("a commit is damaged", e);
      }
    }
    return Lsn.MAX;
  }

  /** History may end no earlier than was found. */
  void noteReadableFrom(SimBranch branch) throws StorageException {
    Lsn from = world.server().timeline(branch).readableFrom();
    Violation.check(
        from.isAtOrAfter(branch.readableFrom) && from.isAtOrBefore(branch.cutoffMax),
        "%s is readable from %s; before from %s, and at most from %s",
        branch,
        from,
        branch.readableFrom,
        branch.cutoffMax);
    branch.readableFrom = from;
  }
}
