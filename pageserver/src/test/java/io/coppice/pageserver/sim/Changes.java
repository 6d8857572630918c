package io.coppice.pageserver.sim;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TimelineId;
import io.coppice.pageserver.tenant.BranchChanges;
import io.coppice.pageserver.tenant.ReplacementRequest;
import io.coppice.pageserver.timeline.Timeline;
import java.util.Optional;

/** Branches get other names and states, and are protected. */
final class Changes {
  private final World world;
  private final Actions actions;
  private long number;

  Changes(World world, Actions actions) {
    this.world = world;
    this.actions = actions;
  }

  private BranchChanges changes() {
    return world.server().tenants.changes();
  }

  void rename() throws StorageException {
    SimBranch branch = world.any(world.branches);
    if (branch.mayBeArchived) {
      return;
    }
    String name = "renamed-" + ++number;
    branch.names.add(name);
    try {
      Timeline _ = changes().rename(World.id(branch), name);
      branch.isNamed(name);
      world.say("rename %s", branch);
      world.coverage.mark("a branch was renamed");
    } catch (StorageException.Transient | StorageException.Conflict _) {
      world.say("rename %s to %s fails", branch, name);
      world.coverage.mark("renaming a branch failed");
    }
    checkNames();
  }

  /** A protected branch is not deleted. */
  void protect() throws StorageException {
    SimBranch branch = world.any(world.branches);
    branch.mayBeProtected = true;
    try {
      Timeline _ = changes().setProtected(World.id(branch), true);
      try {
        world.server().tenants.deleteBranch(World.id(branch));
        throw new Violation("%s is deleted, though it is protected".formatted(branch));
      } catch (StorageException.Precondition _) {
        world.coverage.mark("a protected branch was not deleted");
      }
    } catch (StorageException.Transient _) {
      world.coverage.mark("protecting a branch failed");
    }
    try {
      Timeline _ = changes().setProtected(World.id(branch), false);
      branch.mayBeProtected = false;
    } catch (StorageException.Transient _) {
      world.coverage.mark("protecting a branch failed");
    }
    world.say("protect %s", branch);
  }

  /** A branch gets an earlier state of itself, or the present one of its parent. */
  void replace() throws StorageException, InterruptedException {
    SimBranch branch = world.any(world.branches);
    if (world.branches.size() >= Actions.BRANCHES_MAX || branch.depth() >= Actions.DEPTH_MAX) {
      return;
    }
    SimBranch parent = branch.parent;
    SimBranch source = parent == null || world.random.nextBoolean() ? branch : parent;
    if (branch.mayBeProtected || branch.mayBeArchived || source.mayBeArchived) {
      return;
    }
    Lsn oldest = Lsn.max(source.start, source.cutoffMax);
    if (source.last().isBefore(oldest)) {
      return;
    }
    Lsn at = oldest.plus(world.random.nextLong(source.last().minus(oldest) + 1));
    String keptAs = "kept-" + ++number;
    TimelineId id = new TimelineId(4, number);
    World.Unsure asked =
        new World.Unsure(world.request(id, branch.name, source, Optional.of(at)), source);
    branch.names.add(keptAs);
    try {
      Timeline made =
          changes()
              .replace(
                  new ReplacementRequest(
                      World.id(branch), id, source.id, Optional.of(at), Optional.of(keptAs), 0));
      world.say("replace %s by %s at %s", branch, source, at);
      branch.isNamed(keptAs);
      actions.add(asked, made);
      world.coverage.mark("a branch was replaced");
    } catch (StorageException.Transient | StorageException.Conflict _) {
      world.say("replace %s by %s at %s fails", branch, source, at);
      world.coverage.mark("replacing a branch failed");
      world.unsure.add(asked);
    }
    checkNames();
  }

  /** Each branch has a name that it was given, and is found by it. */
  void checkNames() throws StorageException {
    for (SimBranch branch : world.branches) {
      Timeline timeline = world.server().timeline(branch);
      String name = timeline.name();
      Violation.check(
          branch.names.contains(name), "%s is called %s, not %s", branch, name, branch.names);
      Violation.check(
          world.server().tenants.branch(World.TENANT, name) == timeline, "%s is another", name);
      branch.name = name;
    }
  }
}
