package io.coppice.pageserver.sim;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.key.Key;
import io.coppice.pageserver.timeline.Timeline;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Reads whole images of branches as of LSNs, and compares every value with what it must be. */
final class Reads {
  private static final int LSN_TRIES = 4;

  private final World world;

  Reads(World world) {
    this.world = world;
  }

  /** One branch, somewhere. */
  void checkOne() throws StorageException {
    SimBranch branch = world.any(world.branches);
    for (int i = 0; i < LSN_TRIES; i++) {
      Lsn lsn = somewhere(branch);
      if (branch.hasAllFor(lsn)) {
        check(branch, lsn);
        return;
      }
    }
    world.coverage.mark("nothing to read: WAL is yet to come");
  }

  /** Every branch at its ends, where branches begin, and somewhere. */
  void checkAll() throws StorageException {
    for (SimBranch branch : world.branches) {
      List<Lsn> lsns = new ArrayList<>(List.of(branch.readableFrom, branch.last(), branch.start));
      world.branches.stream().filter(b -> b.parent == branch).forEach(b -> lsns.add(b.start));
      lsns.add(somewhere(branch));
      for (Lsn lsn : lsns) {
        if (lsn.isAtOrAfter(branch.readableFrom) && branch.hasAllFor(lsn)) {
          check(branch, lsn);
        }
      }
    }
  }

  /** An LSN that can be read, as soon as all WAL is here. */
  private Lsn somewhere(SimBranch branch) {
    long distance = branch.last().minus(branch.readableFrom);
    Lsn anywhere =
        branch.readableFrom.plus(distance <= 0 ? 0 : world.random.nextLong(distance + 1));
    Lsn chosen =
        switch (world.random.nextInt(6)) {
          case 0 -> branch.last();
          case 1 -> branch.readableFrom;
          case 2 -> branch.start;
          case 3 -> childStart(branch, anywhere);
          default -> anywhere;
        };
    return Lsn.max(chosen, branch.readableFrom);
  }

  private Lsn childStart(SimBranch branch, Lsn otherwise) {
    List<Lsn> starts =
        world.branches.stream().filter(b -> b.parent == branch).map(b -> b.start).toList();
    return starts.isEmpty() ? otherwise : world.any(starts);
  }

  private void check(SimBranch branch, Lsn lsn) throws StorageException {
    Timeline timeline = world.server().timeline(branch);
    Map<Key, byte[]> listed = new TreeMap<>();
    Map<Key, byte @Nullable []> found = new TreeMap<>();
    Map<Key, byte @Nullable []> cached = new TreeMap<>();
    try {
      timeline.getPages(SimKeys.DENSE, lsn, (_, key, value) -> found.put(key, value));
      timeline.getCachedPages(
          SimKeys.DENSE,
          lsn,
          false,
          () -> new byte[8192],
          (_, key, value) -> cached.put(key, value));
      timeline.scan(
          SimKeys.SPARSE_FROM,
          SimKeys.SPARSE_TO,
          lsn,
          (key, value) -> {
            listed.put(key, value);
            return true;
          });
    } catch (StorageException.Transient e) {
      Violation.check(!world.server().store.isCalm(), "%s at %s: %s", branch, lsn, e);
      world.coverage.mark("a read failed as the object store did");
      return;
    } catch (StorageException e) {
      throw new Violation("%s at %s cannot be read: %s".formatted(branch, lsn, e), e);
    }
    compare(branch, lsn, found, listed);
    compare(branch, lsn, cached, listed);
    world.coverage.mark("read through %d ancestors".formatted(Math.min(3, hops(branch, lsn))));
  }

  private static int hops(SimBranch branch, Lsn lsn) {
    int hops = 0;
    for (SimBranch b = branch; b.parent != null && lsn.isAtOrBefore(b.start); b = b.parent) {
      hops++;
    }
    return hops;
  }

  private static void compare(
      SimBranch branch, Lsn lsn, Map<Key, byte @Nullable []> dense, Map<Key, byte[]> listed) {
    for (Key key : SimKeys.ALL) {
      byte[] expected = branch.read(key, lsn);
      byte[] read = key.isSparse() ? listed.get(key) : dense.get(key);
      if (!Arrays.equals(expected, read)) {
        throw new Violation(
            "key %s of %s at %s: %s was read, not %s"
                .formatted(key, branch, lsn, shown(read), shown(expected)));
      }
    }
    Violation.check(SimKeys.ALL.containsAll(listed.keySet()), "%s lists more keys", branch);
  }

  private static String shown(byte @Nullable [] value) {
    return value == null
        ? "nothing"
        : "%d bytes of hash %08x".formatted(value.length, Arrays.hashCode(value));
  }

  /** Outside of what can be read, reads are refused. */
  void checkOutside() throws StorageException {
    SimBranch branch = world.any(world.branches);
    Timeline timeline = world.server().timeline(branch);
    checkRefused(branch, timeline, timeline.lastRecordLsn().plus(1 + world.random.nextInt(64)));
    checkRefused(branch, timeline, branch.readableFrom.plus(-1 - world.random.nextInt(64)));
    world.coverage.mark("reads outside of the window refused");
  }

  private static void checkRefused(SimBranch branch, Timeline timeline, Lsn lsn)
      throws StorageException {
    try {
      var _ = timeline.get(SimKeys.LOG_PAGES.getFirst(), lsn);
    } catch (StorageException.Precondition _) {
      return;
    }
    throw new Violation("%s was read at %s, outside of its window".formatted(branch, lsn));
  }
}
