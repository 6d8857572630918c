package io.coppice.pageserver.sim;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.pageserver.remote.HistoryHold;
import io.coppice.pageserver.timeline.Timeline;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Branches are taken off their parents, and read the same from where they begin. */
final class Detachments {
  private final World world;
  private final Garbage garbage;

  Detachments(World world, Garbage garbage) {
    this.world = world;
    this.garbage = garbage;
  }

  /** One that has a parent, if there is one. */
  void detach() throws StorageException, InterruptedException {
    List<SimBranch> attached = new ArrayList<>(world.branches);
    attached.removeIf(branch -> branch.parent == null);
    if (!attached.isEmpty()) {
      detach(world.any(attached));
      retry();
    }
  }

  private void detach(SimBranch branch) throws StorageException, InterruptedException {
    ask(branch);
    world.server().maintenance.setAtOnce(true);
    try {
      Timeline timeline = call(world.server(), branch);
      Violation.check(timeline.ancestor().isEmpty(), "%s has its parent", branch);
      world.say("detach %s", branch);
      world.coverage.mark("a branch was detached");
      isDetached(branch);
    } catch (StorageException.Precondition e) {
      Violation.check(mayBeRefused(branch), "%s cannot be detached: %s", branch, e);
      world.say("detach %s is refused", branch);
      world.coverage.mark("detaching a branch was refused");
    } catch (StorageException.Transient _) {
      world.say("detach %s fails", branch);
      world.coverage.mark("detaching a branch failed");
      // Done perhaps, but for the parent, which then is not let go of.
      for (SimBranch reader : readersOf(branch)) {
        garbage.noteReadableFrom(reader);
      }
    } finally {
      world.server().maintenance.setAtOnce(false);
    }
  }

  private static Timeline call(SimServer server, SimBranch branch)
      throws StorageException, InterruptedException {
    return server.tenants.detachment().detach(World.id(branch), 0, () -> {});
  }

  /** From here on its history, and that of what reads from it, may begin no earlier than it. */
  private void ask(SimBranch branch) {
    branch.mayBeDetached = true;
    Stream.concat(world.branches.stream(), world.deleting.stream())
        .filter(reader -> reader.readsFrom(branch))
        .forEach(reader -> reader.cutoffMax = Lsn.max(reader.cutoffMax, branch.start));
  }

  private List<SimBranch> readersOf(SimBranch branch) {
    return world.branches.stream().filter(other -> other.readsFrom(branch)).toList();
  }

  private boolean mayBeRefused(SimBranch branch) throws StorageException {
    boolean isHeld = branch.mayBeProtected || branch.mayBeArchived;
    for (SimBranch reader : readersOf(branch)) {
      HistoryHold hold = world.server().timeline(reader).durableIndex().hold();
      isHeld |= hold.gcBlock().isPresent() || !hold.leases().isEmpty() || garbage.isLeased(reader);
    }
    return isHeld;
  }

  private void isDetached(SimBranch branch) throws StorageException {
    List<SimBranch> readers = readersOf(branch);
    branch.parent = null;
    for (SimBranch reader : readers) {
      garbage.noteReadableFrom(reader);
      Violation.check(
          reader.readableFrom.isAtOrAfter(branch.start),
          "%s has history before %s",
          reader,
          branch);
    }
  }

  /** A page server that was followed, and may not know it, must not say that a branch is. */
  void detachOn(SimServer stale) throws StorageException, InterruptedException {
    List<SimBranch> attached = new ArrayList<>(world.branches);
    attached.removeIf(branch -> branch.parent == null);
    if (attached.isEmpty()) {
      return;
    }
    SimBranch branch = world.any(attached);
    ask(branch);
    try {
      Timeline timeline = call(stale, branch);
      throw new Violation("%s was detached by one that was followed".formatted(timeline.id()));
    } catch (StorageException.Transient
        | StorageException.Fenced
        | StorageException.Precondition _) {
      world.coverage.mark("a stale page server did not detach a branch");
    }
  }

  /** What was in doubt before is asked for again. */
  void retry() throws StorageException, InterruptedException {
    for (SimBranch branch : List.copyOf(world.branches)) {
      boolean isInDoubt = branch.mayBeDetached && branch.parent != null;
      if (isInDoubt && world.server().timeline(branch).ancestor().isEmpty()) {
        detach(branch);
      }
    }
  }

  /** After a start: a branch has its parent or has not, and if it was detached it still is. */
  void adopt() throws StorageException {
    List<SimBranch> found = new ArrayList<>(world.branches);
    found.addAll(world.deleting);
    found.removeIf(branch -> !world.server().has(branch));
    for (SimBranch branch : found) {
      boolean hasParent = world.server().timeline(branch).ancestor().isPresent();
      Violation.check(
          hasParent ? branch.parent != null : branch.parent == null || branch.mayBeDetached,
          "%s has %s parent",
          branch,
          hasParent ? "a" : "no");
      if (!hasParent && branch.parent != null) {
        ask(branch);
        isDetached(branch);
        world.coverage.mark("a branch had been detached");
      }
    }
  }
}
