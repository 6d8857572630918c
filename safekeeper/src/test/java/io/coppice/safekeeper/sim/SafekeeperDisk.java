package io.coppice.safekeeper.sim;

import io.coppice.safekeeper.consensus.NodeId;
import io.coppice.testsupport.disk.DiskFaults;
import io.coppice.testsupport.disk.SimDisk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.random.RandomGenerator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A safekeeper's disk, and what goes wrong with it. */
final class SafekeeperDisk implements DiskFaults {
  /** With what follows the name of a segment. */
  private static final Pattern SEGMENT = Pattern.compile("[0-9A-F]{24}((?:\\..*)?)");

  private static final Pattern ID =
      Pattern.compile("[0-9a-f]{32}|[0-9a-f]{32}-[0-9a-f]{32}|[0-9]+");

  private static final int PERCENT = 100;

  private final World world;
  private final NodeId node;
  private SimDisk disk = new SimDisk();
  private final RandomGenerator random;
  private boolean full;
  private boolean onlyKilled;

  SafekeeperDisk(World world, NodeId node) {
    this.world = world;
    this.node = node;
    this.random = world.randoms.of("disk " + node);
    disk.setFaults(this);
  }

  Path root() {
    return disk.root().resolve("data");
  }

  void fill() {
    full = true;
  }

  void heal() {
    full = false;
  }

  /** The process was ended in the middle of an operation, or the machine was. */
  void endInOperation() {
    if (onlyKilled) {
      onlyKilled = false;
      disk.goOn();
    } else {
      losePower();
    }
  }

  /** Flips a bit of a file that is there; false if it is not. */
  boolean flip(Path file, long position, int bit) {
    if (!Files.exists(file)) {
      return false;
    }
    world.trace.add("safekeeper %s: bit %d at %d of %s turns", node, bit, position, file);
    disk.flip(file, position, bit);
    return true;
  }

  /** An empty disk takes the place of this one. */
  void replace() {
    disk = new SimDisk();
    disk.setFaults(this);
    onlyKilled = false;
    full = false;
  }

  void losePower() {
    onlyKilled = false;
    int percentKept =
        switch (random.nextInt(4)) {
          case 0 -> 0;
          case 1 -> PERCENT;
          default -> random.nextInt(PERCENT);
        };
    world.trace.add("disk of %s keeps %d %% of what was not synced", node, percentKept);
    disk.losePower(random, percentKept);
  }

  int readDurable(Path file, ByteBuffer into, long position) {
    return disk.readDurable(file, into, position);
  }

  @Override
  public void before(Operation operation, Path path) throws IOException {
    if (operation == Operation.READ) {
      return;
    }
    if (full && needsSpace(operation, path)) {
      world.coverage.mark("refused by a full disk");
      throw new IOException("No space left on device");
    }
    boolean sync = operation == Operation.SYNC_FILE || operation == Operation.SYNC_DIRECTORY;
    if (sync && world.faults.strikes(FaultKind.SYNC_FAILURE, 2_000)) {
      world.coverage.mark("sync failed: " + role(path));
      world.trace.add("sync fails: %s", path);
      throw new IOException("Input/output error");
    }
    maybeEnd("before", operation, path);
  }

  @Override
  public void after(Operation operation, Path path) {
    maybeEnd("after", operation, path);
  }

  private void maybeEnd(String when, Operation operation, Path path) {
    if (world.faults.strikes(FaultKind.KILL_IN_OPERATION, 700)) {
      world.coverage.mark("killed %s %s %s".formatted(when, operation, role(path)));
      world.trace.add("safekeeper %s is killed %s %s %s", node, when, operation, path);
      onlyKilled = true;
      disk.cutPower();
    }
    if (world.faults.strikes(FaultKind.POWER_LOSS_IN_OPERATION, 700)) {
      world.coverage.mark("power lost %s %s %s".formatted(when, operation, role(path)));
      world.trace.add("power fails %s %s %s", when, operation, path);
      disk.cutPower();
    }
  }

  /** Segments have their blocks from the start; only what is new needs space. */
  private static boolean needsSpace(Operation operation, Path path) {
    return switch (operation) {
      case CREATE, CREATE_DIRECTORY -> true;
      case WRITE -> path.toString().endsWith(".tmp");
      case READ, TRUNCATE, SYNC_FILE, SYNC_DIRECTORY, RENAME, DELETE -> false;
    };
  }

  /** What kind of file or directory it is: which one of many does not matter. */
  private static String role(Path path) {
    String name = path.getFileName() == null ? "root" : path.getFileName().toString();
    Matcher segment = SEGMENT.matcher(name);
    if (segment.matches()) {
      return "segment" + segment.group(1);
    }
    return ID.matcher(name).matches() ? "directory" : name;
  }
}
