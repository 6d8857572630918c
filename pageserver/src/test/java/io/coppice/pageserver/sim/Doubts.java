package io.coppice.pageserver.sim;

import io.coppice.common.error.StorageException;
import io.coppice.pageserver.gc.Leases;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Branches of which nobody knows whether they are there, since no write of their index had an
 * answer. What they need must stay, though all other garbage is collected, until a start finds out.
 */
final class Doubts {
  private final World world;
  private final Actions actions;
  private final Garbage garbage;
  private final Disasters disasters;

  Doubts(World world, Actions actions, Garbage garbage, Disasters disasters) {
    this.world = world;
    this.actions = actions;
    this.garbage = garbage;
    this.disasters = disasters;
  }

  /** A branch is made or deleted, and the page server dies before that is known to have worked. */
  void cause() throws StorageException, InterruptedException, IOException {
    // Nothing else fails.
    world.server().store.setCalm(true);
    // Leases from before a start are over, or nothing would go.
    world.clock.advanceMillis(Leases.DURATION.toMillis());
    boolean isCaused = world.random.nextBoolean() ? make() : delete();
    if (isCaused) {
      garbage.collect(world.server(), Optional.empty(), Garbage.NOTHING_KEPT);
      disasters.crash();
    }
    world.server().store.setCalm(false);
  }

  /** One that needs what would go without it. */
  private boolean make() throws StorageException, InterruptedException {
    List<SimBranch> parents = new ArrayList<>(garbage.withGarbage());
    parents.removeIf(parent -> !actions.canBranch(parent));
    if (parents.isEmpty()) {
      return false;
    }
    World.Unsure asked = actions.askOldest(world.any(parents));
    world.server().store.leaveInDoubt(asked.request().timeline());
    actions.create(asked);
    world.coverage.mark("it was in doubt whether a branch was made");
    return true;
  }

  /** One for which alone something is kept. */
  private boolean delete() throws StorageException {
    List<SimBranch> holders = new ArrayList<>(garbage.holders());
    holders.removeIf(branch -> !actions.isLeaf(branch));
    if (holders.isEmpty()) {
      return false;
    }
    SimBranch branch = world.any(holders);
    world.server().store.leaveInDoubt(branch.id);
    actions.delete(branch);
    world.coverage.mark("it was in doubt whether a branch was deleted");
    return true;
  }
}
