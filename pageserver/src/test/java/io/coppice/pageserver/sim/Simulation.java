package io.coppice.pageserver.sim;

import io.coppice.common.error.StorageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** One history, from its seed. */
final class Simulation {
  private static final int CHECK_ALL_INTERVAL = 50;

  /** How it ended. */
  record Outcome(long seed, @Nullable Throwable violation, List<String> trace, long hash) {
    boolean held() {
      return violation == null;
    }

    String command() {
      return "make sim-storage SEED=" + seed;
    }
  }

  private final World world;
  private final Coverage coverage;
  private final Actions actions;
  private final Garbage garbage;
  private final Changes changes;
  private final Disasters disasters;
  private final Reads reads;
  private final Archives archives;
  private final Detachments detachments;
  private final Doubts doubts;

  private Simulation(World world, Coverage coverage) {
    this.world = world;
    this.coverage = coverage;
    this.actions = new Actions(world);
    this.garbage = new Garbage(world);
    this.changes = new Changes(world, actions);
    this.archives = new Archives(world, actions);
    this.detachments = new Detachments(world, garbage);
    this.disasters = new Disasters(world, actions, garbage, changes, archives, detachments);
    this.doubts = new Doubts(world, actions, garbage, disasters);
    this.reads = new Reads(world);
  }

  /** Runs a history of so many operations in a directory of its own, which is removed again. */
  static Outcome run(long seed, int operations, Coverage coverage) throws IOException {
    Path directory = Files.createTempDirectory(place(), "coppice-sim-");
    World world = new World(seed, directory.resolve("pageserver"), coverage);
    try {
      new Simulation(world, coverage).run(operations);
      return new Outcome(seed, null, world.trace(), world.hash());
    } catch (StorageException | IOException | InterruptedException | RuntimeException | Error e) {
      SimServer running = world.serverIfRunning();
      if (running != null) {
        running.crash();
      }
      return new Outcome(seed, e, world.trace(), world.hash());
    } finally {
      remove(directory);
    }
  }

  /** In memory if there is such a file system: syncs are not what is tried here. */
  private static Path place() {
    Path memory = Path.of("/dev/shm");
    return Files.isWritable(memory) ? memory : Path.of(System.getProperty("java.io.tmpdir", "."));
  }

  private static void remove(Path directory) throws IOException {
    try (Stream<Path> below = Files.walk(directory)) {
      for (Path file : below.sorted(Comparator.reverseOrder()).toList()) {
        Files.delete(file);
      }
    }
  }

  private void run(int operations) throws StorageException, IOException, InterruptedException {
    world.begin();
    for (int i = 1; i <= operations; i++) {
      step();
      reads.checkOne();
      if (i % CHECK_ALL_INTERVAL == 0) {
        reads.checkAll();
      }
    }
    end();
    coverage.finished(operations);
  }

  private void step() throws StorageException, IOException, InterruptedException {
    int choice = world.random.nextInt(100);
    if (choice < 38) {
      actions.write();
    } else if (choice < 40) {
      detachments.detach();
    } else if (choice < 41) {
      archives.archive();
    } else if (choice < 42) {
      archives.unarchive();
    } else if (choice < 54) {
      actions.flush();
    } else if (choice < 60) {
      actions.maintain();
      detachments.retry();
    } else if (choice < 66) {
      garbage.collect();
    } else if (choice < 68) {
      garbage.hold();
    } else if (choice < 76) {
      branches(choice);
    } else if (choice < 86) {
      others(choice);
    } else if (choice < 89) {
      disasters.restart();
    } else if (choice < 92) {
      disasters.crash();
    } else if (choice < 95) {
      disasters.crashWithin();
    } else if (choice < 96) {
      disasters.takeOver();
    } else if (choice < 98) {
      doubts.cause();
    } else {
      world.clock.advanceMillis(world.random.nextInt(3_600_000));
    }
  }

  private void branches(int choice) throws StorageException, InterruptedException {
    if (choice < 72) {
      actions.branch();
    } else if (choice < 74) {
      actions.delete();
    } else {
      change();
    }
  }

  private void change() throws StorageException, InterruptedException {
    switch (world.random.nextInt(3)) {
      case 0 -> changes.rename();
      case 1 -> changes.protect();
      default -> changes.replace();
    }
  }

  private void others(int choice) throws StorageException, IOException, InterruptedException {
    if (choice < 79) {
      actions.retry();
    } else if (choice < 81) {
      actions.branchTooEarly();
    } else if (choice < 83) {
      reads.checkOutside();
    } else {
      disasters.loseFile();
    }
  }

  /** All trouble ends: everything can be read, flushed, and read again from the object store. */
  private void end() throws StorageException, IOException {
    world.server().store.setCalm(true);
    for (SimBranch branch : world.branches) {
      actions.ingest(branch, Integer.MAX_VALUE);
    }
    reads.checkAll();
    disasters.restart();
    world.server().store.setCalm(true);
    for (SimBranch branch : world.branches) {
      Violation.check(branch.isCaughtUp(), "%s was not flushed to its end", branch);
    }
    reads.checkAll();
    world.server().stop();
    world.setServer(null);
  }
}
