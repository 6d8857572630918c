package io.coppice.pageserver.sim;

import io.coppice.common.error.StorageException;
import io.coppice.pageserver.tenant.BranchArchive;
import io.coppice.pageserver.timeline.Timeline;
import java.util.ArrayList;
import java.util.List;

/** Branches are archived and brought back, with WAL that is on its way to them or not. */
final class Archives {
  private final World world;
  private final Actions actions;

  Archives(World world, Actions actions) {
    this.world = world;
    this.actions = actions;
  }

  private BranchArchive service() {
    return world.server().tenants.archive();
  }

  /** A branch that nothing reads from goes away, with its files; others are refused. */
  void archive() throws StorageException, InterruptedException {
    archive(anyToArchive(), false);
  }

  private void archive(SimBranch branch, boolean isSettled)
      throws StorageException, InterruptedException {
    boolean isRead = isRead(branch);
    boolean wasThere = !branch.mayBeArchived;
    world.server().maintenance.setAtOnce(true);
    branch.mayBeArchived = true;
    try {
      Timeline timeline = service().archive(World.id(branch), 0);
      Violation.check(!isRead, "%s is archived, though branches read from it", branch);
      checkGone(branch, timeline);
      world.say("archive %s", branch);
      world.coverage.mark("a branch was archived");
    } catch (StorageException.Precondition e) {
      // Also of branches that were never made, or are not wholly deleted.
      Violation.check(
          mayHaveBranches(branch) || !isSettled, "%s cannot be archived: %s", branch, e);
      branch.mayBeArchived = !wasThere;
      if (!mayHaveBranches(branch)) {
        actions.settle();
        archive(branch, true);
        return;
      }
      world.coverage.mark("a branch that others read from was not archived");
    } catch (StorageException.Transient _) {
      world.say("archive %s fails", branch);
      world.coverage.mark("archiving a branch failed");
    } finally {
      world.server().maintenance.setAtOnce(false);
    }
  }

  /** Often one that can be; and where a branch is away, its parent, so that both are. */
  private SimBranch anyToArchive() {
    List<SimBranch> free = new ArrayList<>(world.branches);
    free.removeIf(branch -> branch.mayBeArchived || isRead(branch));
    List<SimBranch> parents = new ArrayList<>(free);
    parents.removeIf(parent -> world.branches.stream().noneMatch(b -> b.parent == parent));
    if (!parents.isEmpty() && world.random.nextBoolean()) {
      return world.any(parents);
    }
    return world.any(free.isEmpty() || world.onceIn(4) ? world.branches : free);
  }

  private boolean isRead(SimBranch branch) {
    return world.branches.stream().anyMatch(b -> b.parent == branch && !b.mayBeArchived);
  }

  private boolean mayHaveBranches(SimBranch branch) {
    return world.branches.stream().anyMatch(b -> b.parent == branch)
        || world.deleting.stream().anyMatch(b -> b.parent == branch)
        || world.unsure.stream().anyMatch(asked -> asked.parent() == branch);
  }

  private static void checkGone(SimBranch branch, Timeline timeline) throws StorageException {
    Violation.check(
        timeline.layerStatistics().residentSizeBytes() == 0, "files of %s are left", branch);
    Violation.check(!timeline.isUpkeepDue(), "upkeep of %s is due", branch);
    try {
      timeline.checkUsable();
      throw new Violation("%s is archived, and may be used".formatted(branch));
    } catch (StorageException.Precondition _) {
      // As it must be.
    }
  }

  /** One that is archived comes back, if its parent is there. */
  void unarchive() throws StorageException {
    List<SimBranch> away = new ArrayList<>(world.branches);
    away.removeIf(branch -> !branch.mayBeArchived);
    List<SimBranch> below = new ArrayList<>(away);
    below.removeIf(branch -> branch.parent == null || !branch.parent.mayBeArchived);
    if (!away.isEmpty()) {
      unarchive(world.any(below.isEmpty() || world.random.nextBoolean() ? away : below));
    }
  }

  private void unarchive(SimBranch branch) throws StorageException {
    try {
      Timeline timeline = service().unarchive(World.id(branch));
      timeline.checkUsable();
      branch.mayBeArchived = false;
      world.say("unarchive %s", branch);
      world.coverage.mark("a branch was unarchived");
    } catch (StorageException.Precondition e) {
      Violation.check(
          branch.parent != null && branch.parent.mayBeArchived,
          "%s cannot be unarchived: %s",
          branch,
          e);
      world.coverage.mark("a branch of an archived one was not unarchived");
    } catch (StorageException.Transient _) {
      world.say("unarchive %s fails", branch);
      world.coverage.mark("unarchiving a branch failed");
    }
  }

  /** After a start: what is archived is known, and nothing that is not reads from it. */
  void adopt() throws StorageException {
    for (SimBranch branch : world.branches) {
      boolean isArchived = world.server().timeline(branch).term().isArchived();
      Violation.check(!isArchived || branch.mayBeArchived, "%s was not archived", branch);
      if (!isArchived && branch.mayBeArchived) {
        world.coverage.mark("a branch had not been archived");
      }
      branch.mayBeArchived = isArchived;
    }
    for (SimBranch branch : world.branches) {
      SimBranch parent = branch.parent;
      if (parent != null) {
        Violation.check(
            branch.mayBeArchived || !parent.mayBeArchived,
            "%s is archived, but its branch %s is not",
            parent,
            branch);
      }
    }
  }
}
