package io.coppice.testsupport.disk;

import io.coppice.testsupport.disk.DiskFaults.Operation;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * A disk in memory, as cruel as a real one may be. Reads see what was written; a loss of power
 * takes what was not synced, sector by sector and directory entry by directory entry, in any
 * combination. Not thread safe.
 */
public final class SimDisk {
  private final SimDirectory root = new SimDirectory();
  private final SimFileSystem fileSystem = new SimFileSystem(this);
  private DiskFaults faults = DiskFaults.NONE;
  private boolean off;

  /** Where everything is. */
  public Path root() {
    return fileSystem.getPath("/");
  }

  public void setFaults(DiskFaults newFaults) {
    faults = newFaults;
  }

  /**
   * Forgets what was not synced. Whoever still has files open must not use them; they would not see
   * the end of their process in this thread.
   *
   * @param percentKept how likely it is that a sector or a change of a directory that was not
   *     synced is there all the same
   */
  public void losePower(RandomGenerator random, int percentKept) {
    root.losePower(new SimFile.Loss(random, percentKept));
    off = false;
  }

  /** From now on every operation ends in {@link PowerLost}, until {@link #losePower}. */
  public void cutPower() {
    off = true;
  }

  /** Ends {@link #cutPower} without any loss: only the process had ended. */
  public void goOn() {
    off = false;
  }

  /** Flips one bit of a stored file. */
  public void flip(Path file, long position, int bit) {
    if (find((SimPath) file) instanceof SimFile stored) {
      stored.flip(position, bit);
    }
  }

  /**
   * Reads, from a position on, what would be there after a loss of power.
   *
   * @return number of bytes, or -1 if there are none
   */
  public int readDurable(Path file, ByteBuffer into, long position) {
    return durable((SimPath) file).map(found -> found.readDurable(into, position)).orElse(-1);
  }

  private Optional<SimFile> durable(SimPath path) {
    SimNode node = root;
    for (String name : path.names()) {
      node = node instanceof SimDirectory directory ? directory.getDurable(name) : null;
      if (node == null) {
        return Optional.empty();
      }
    }
    return node instanceof SimFile file ? Optional.of(file) : Optional.empty();
  }

  @Nullable SimNode find(SimPath path) {
    SimNode node = root;
    for (String name : path.names()) {
      node = node instanceof SimDirectory directory ? directory.get(name) : null;
      if (node == null) {
        return null;
      }
    }
    return node;
  }

  SimDirectory parentOf(SimPath path) throws IOException {
    Path parent = path.getParent();
    if (parent instanceof SimPath above && find(above) instanceof SimDirectory directory) {
      return directory;
    }
    throw new NoSuchFileException(String.valueOf(parent));
  }

  String nameOf(SimPath path) {
    return path.names().getLast();
  }

  void before(Operation operation, SimPath path) throws IOException {
    checkOn(operation);
    faults.before(operation, path);
    checkOn(operation);
  }

  void after(Operation operation, SimPath path) {
    faults.after(operation, path);
    checkOn(operation);
  }

  private void checkOn(Operation operation) {
    if (off) {
      throw new PowerLost(operation.name());
    }
  }
}
