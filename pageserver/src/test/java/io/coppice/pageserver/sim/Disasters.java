package io.coppice.pageserver.sim;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.pageserver.gc.Leases;
import io.coppice.pageserver.timeline.Timeline;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Ends of page servers, good and bad, and what becomes of their disks. */
final class Disasters {
  private static final int OPERATIONS_LEFT_MAX = 12;

  private final World world;
  private final Actions actions;
  private final Garbage garbage;
  private final Changes changes;
  private final Archives archives;
  private final Detachments detachments;

  Disasters(
      World world,
      Actions actions,
      Garbage garbage,
      Changes changes,
      Archives archives,
      Detachments detachments) {
    this.archives = archives;
    this.detachments = detachments;
    this.world = world;
    this.actions = actions;
    this.changes = changes;
    this.garbage = garbage;
  }

  void restart() throws StorageException, IOException {
    world.say("restart");
    world.coverage.mark("restart");
    world.server().stop();
    startAgain();
  }

  void crash() throws StorageException, IOException {
    world.say("crash");
    world.coverage.mark("crash");
    world.server().crash();
    startAgain();
  }

  /** The object store goes away in the middle of something, and then the page server does. */
  void crashWithin() throws StorageException, InterruptedException, IOException {
    int left = 1 + world.random.nextInt(OPERATIONS_LEFT_MAX);
    world.server().store.setCalm(true);
    world.server().store.endAfter(left);
    switch (world.random.nextInt(12)) {
      case 0 -> actions.branch();
      case 1 -> actions.delete();
      case 2 -> {
        actions.maintain();
        detachments.retry();
      }
      case 3 -> garbage.collect();
      case 4 -> changes.replace();
      case 5 -> changes.rename();
      case 6 -> archives.archive();
      case 7 -> archives.unarchive();
      case 8, 9 -> detachments.detach();
      default -> actions.flush();
    }
    if (world.onceIn(3)) {
      world.server().stop();
    }
    world.say("crash within %d operations", left);
    world.coverage.mark("crash within something");
    world.server().crash();
    startAgain();
  }

  /** The second page server, once it has started. */
  private final class Follower {
    private @Nullable SimServer started;

    /** Not between the look before a write that is made again, and that write: see 0013. */
    void startWithin(SimServer stale) throws StorageException {
      if (!stale.store.isIndexInDoubt()) {
        var _ = start();
      }
    }

    SimServer start() throws StorageException {
      if (started == null) {
        started = SimServer.start(world, world.directory.resolveSibling("elsewhere"));
      }
      return started;
    }
  }

  /** A second page server takes over, and the first goes on for a while without knowing it. */
  void takeOver() throws StorageException, InterruptedException, IOException {
    SimServer stale = world.server();
    world.say("take over");
    world.coverage.mark("a page server was taken over");
    world.clock.advanceMillis(Leases.DURATION.toMillis());
    List<SimBranch> withGarbage = garbage.withGarbage();
    Follower follower = new Follower();
    // Often when it has just looked whether it was followed, and goes by that.
    stale.store.interrupt(
        world.random.nextBoolean() ? 2 : 1 + world.random.nextInt(OPERATIONS_LEFT_MAX),
        () -> follower.startWithin(stale));
    garbage.collect(
        stale,
        Optional.empty(),
        world.random.nextBoolean() ? Garbage.NOTHING_KEPT : garbage.anySettings());
    if (follower.started != null) {
      world.coverage.mark("a page server was followed while it collected garbage");
    }
    SimServer next = follower.start();
    stale.maintenance.setAtOnce(true);
    for (Timeline timeline : stale.tenants.timelines()) {
      try {
        timeline.flush(0);
        timeline.upkeep();
      } catch (StorageException.Transient _) {
        world.coverage.mark("a stale page server failed");
      }
    }
    if (world.random.nextBoolean()) {
      detachments.detachOn(stale);
    }
    garbage.collect(stale, Optional.empty(), garbage.anySettings());
    stale.maintenance.runAsked();
    Map<SimBranch, Lsn> readable = new HashMap<>();
    for (SimBranch branch : world.branches) {
      readable.put(branch, stale.timeline(branch).readableFrom());
    }
    stale.crash();
    world.setServer(next);
    adopt();
    useAfterTakeOver(withGarbage);
    next.stop();
    world.setServer(SimServer.start(world, world.directory));
    // A cut-off of which the first did not know whether it was saved, it may have taken back.
    readable.forEach((branch, lsn) -> branch.readableFrom = Lsn.min(lsn, branch.readableFrom));
    adopt();
  }

  /** What needs, or drops, history of which the first page server may have another idea. */
  private void useAfterTakeOver(List<SimBranch> withGarbage)
      throws StorageException, InterruptedException {
    List<SimBranch> parents = new ArrayList<>(withGarbage);
    parents.removeIf(parent -> !actions.canBranch(parent));
    if (parents.isEmpty() || world.onceIn(4)) {
      actions.branch();
    } else {
      actions.branchOldest(world.any(parents));
    }
    if (world.onceIn(2)) {
      world.clock.advanceMillis(Leases.DURATION.toMillis());
      garbage.collect();
    }
  }

  private void startAgain() throws StorageException, IOException {
    loseFiles();
    world.setServer(SimServer.start(world, world.directory));
    adopt();
  }

  /** What is on the disk of a page server may all go. */
  private void loseFiles() throws IOException {
    switch (world.random.nextInt(6)) {
      case 0 -> lose("all of the disk was lost", _ -> true);
      case 1 -> lose("some files were lost", _ -> world.random.nextBoolean());
      case 2 -> damage();
      default -> {}
    }
  }

  private void lose(String mark, Predicate<Path> which) throws IOException {
    world.coverage.mark(mark);
    for (Path file : files()) {
      if (which.test(file)) {
        Files.delete(file);
      }
    }
  }

  private void damage() throws IOException {
    for (Path file : files()) {
      if (world.random.nextBoolean()) {
        try (RandomAccessFile open = new RandomAccessFile(file.toFile(), "rw")) {
          open.setLength(open.length() / 2);
        }
        world.coverage.mark("a file was cut");
      }
    }
  }

  private List<Path> files() throws IOException {
    Path layers = world.directory.resolve("layers");
    if (!Files.exists(layers)) {
      return List.of();
    }
    try (Stream<Path> below = Files.walk(layers)) {
      return below.filter(Files::isRegularFile).sorted().toList();
    }
  }

  /** While the page server runs: files are a cache. */
  void loseFile() throws IOException {
    List<Path> files = files();
    if (!files.isEmpty()) {
      Path file = world.any(files);
      world.say("lose %s", file.getFileName());
      world.coverage.mark("a file was lost while the page server ran");
      Files.delete(file);
    }
  }

  /** A new page server has what was durable, and only that; the rest comes again as WAL. */
  private void adopt() throws StorageException {
    detachments.adopt();
    for (SimBranch branch : world.branches) {
      rewind(branch);
    }
    for (SimBranch branch : new ArrayList<>(world.deleting)) {
      if (world.server().has(branch)) {
        rewind(branch);
        world.deleting.remove(branch);
        world.branches.add(branch);
        world.coverage.mark("a deletion had not begun");
      }
    }
    actions.addFound();
    changes.checkNames();
    archives.adopt();
    world.branches.forEach(branch -> branch.isNamed(branch.name));
  }

  private void rewind(SimBranch branch) throws StorageException {
    Violation.check(world.server().has(branch), "%s is gone", branch);
    Timeline timeline = world.server().timeline(branch);
    Lsn last = timeline.lastRecordLsn();
    Violation.check(
        last.equals(timeline.diskConsistentLsn())
            && last.isAtOrAfter(branch.durable)
            && last.isAtOrBefore(branch.walEnd()),
        "%s begins again at %s; it was durable up to %s, and has WAL up to %s",
        branch,
        last,
        branch.durable,
        branch.walEnd());
    branch.beginAt(last);
    garbage.noteReadableFrom(branch);
    branch.durable = last;
    SimRecord newest = branch.newest();
    Violation.check(
        newest == null || timeline.prevRecordLsn().equals(newest.start()),
        "%s does not know its last record",
        branch);
  }
}
