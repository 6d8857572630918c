package io.coppice.pageserver.sim;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TimelineId;
import io.coppice.common.key.Key;
import io.coppice.pageserver.query.Commit;
import io.coppice.pageserver.tenant.BranchRequest;
import io.coppice.pageserver.timeline.LsnWait;
import io.coppice.pageserver.timeline.Timeline;
import io.coppice.pageserver.timeline.TimelineKeys;
import io.coppice.pageserver.timeline.TimelineWriter;
import io.coppice.postgres.record.PostgresTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;

/** What is asked of the page server while it runs. */
final class Actions {
  private static final int RECORDS_MAX = 10;
  private static final int VALUES_MAX = 4;
  static final int BRANCHES_MAX = 14;
  static final int DEPTH_MAX = 6;

  private final World world;
  private long branchesAsked;

  Actions(World world) {
    this.world = world;
  }

  /** Safekeepers have some records more, and the page server takes in some. */
  void write() throws StorageException {
    List<SimBranch> writable = new ArrayList<>(world.branches);
    writable.removeIf(branch -> branch.mayBeArchived);
    if (writable.isEmpty()) {
      return;
    }
    SimBranch branch = world.any(writable);
    int records = 1 + world.random.nextInt(RECORDS_MAX);
    if (branch.isCaughtUp()) {
      for (int i = 0; i < records; i++) {
        branch.append(record(branch));
      }
    }
    world.say("write %d to %s, to %s", records, branch, branch.walEnd());
    ingest(branch, world.onceIn(4) ? records / 2 : records);
  }

  private SimRecord record(SimBranch branch) {
    long distance = world.onceIn(20) ? 8L * world.random.nextInt(4_000) : 0;
    Lsn end = World.recordEnd(branch.walEnd().plus(8L * (1 + world.random.nextInt(20)) + distance));
    TreeMap<Key, byte[]> values = new TreeMap<>();
    int count = world.random.nextInt(VALUES_MAX);
    for (int i = 0; i < count; i++) {
      Key key = anyKey();
      values.put(key, SimKeys.next(key, world.random));
    }
    if (world.onceIn(3)) {
      values.put(TimelineKeys.COMMIT_INDEX, commit(branch, end));
    }
    world.clock.advanceMillis(world.random.nextInt(30_000));
    return new SimRecord(branch.walEnd(), end, values);
  }

  private byte[] commit(SimBranch branch, Lsn end) {
    long now = PostgresTime.fromInstant(world.clock.now());
    long time = world.onceIn(10) ? now - world.random.nextInt(100_000_000) : now;
    branch.latestMicros = Math.max(branch.latestMicros, time);
    return SimKeys.commit(new Commit(end, time, branch.latestMicros));
  }

  private Key anyKey() {
    return switch (world.random.nextInt(8)) {
      case 0 -> world.any(SimKeys.BLOCK_PAGES);
      case 1 -> world.any(SimKeys.FILES);
      case 2, 3 -> world.any(SimKeys.ITEMS);
      default -> world.any(SimKeys.LOG_PAGES);
    };
  }

  /** The page server takes in up to so many records. */
  void ingest(SimBranch branch, int recordsMax) throws StorageException {
    Timeline timeline = world.server().timeline(branch);
    world.server().maintenance.setMustSucceed(true);
    AtomicBoolean reached = new AtomicBoolean();
    Lsn awaited =
        branch.isCaughtUp() || world.random.nextBoolean()
            ? branch.last().plus(1)
            : branch.next().end();
    try (LsnWait _ = timeline.onLsn(awaited, _ -> reached.set(true))) {
      for (int i = 0; i < recordsMax && !branch.isCaughtUp(); i++) {
        ingest(timeline.writer(), branch.takeNext());
        if (world.onceIn(8)) {
          requestFlush(timeline);
        }
      }
    }
    world.server().maintenance.setMustSucceed(false);
    Violation.check(
        timeline.lastRecordLsn().equals(branch.last()), "%s is not at its last record", branch);
    Violation.check(
        reached.get() == branch.last().isAtOrAfter(awaited),
        "the wait for %s: %s",
        awaited,
        reached);
    if (reached.get()) {
      world.coverage.mark("a wait for an LSN ended");
    }
  }

  /** Has the layer frozen with the next record, and does not wait for its flush. */
  private static void requestFlush(Timeline timeline) throws StorageException {
    try {
      timeline.flush(0);
    } catch (StorageException.Transient _) {
      // Asked for; it comes when maintenance does.
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  private void ingest(TimelineWriter writer, SimRecord record) throws StorageException {
    if (world.onceIn(12)) {
      for (Map.Entry<Key, byte[]> value : record.values().entrySet()) {
        byte[] other = SimKeys.next(value.getKey(), world.random);
        writer.put(value.getKey(), record.end(), other, 0, other.length);
      }
      writer.discardRecord();
      world.coverage.mark("a record was begun and discarded");
    }
    for (Map.Entry<Key, byte[]> value : record.values().entrySet()) {
      byte[] bytes = value.getValue();
      writer.put(value.getKey(), record.end(), bytes, 0, bytes.length);
    }
    writer.finishRecord(record.start(), record.end());
  }

  /** Has what is in memory made durable. */
  void flush() throws StorageException, InterruptedException {
    SimBranch branch = world.any(world.branches);
    Timeline timeline = world.server().timeline(branch);
    world.server().maintenance.setAtOnce(true);
    try {
      timeline.flush(0);
      Violation.check(
          timeline.diskConsistentLsn().equals(branch.last()), "%s is flushed in part", branch);
      branch.durable = branch.last();
      world.say("flush %s to %s", branch, branch.durable);
      world.coverage.mark("a flush went well");
    } catch (StorageException.Transient _) {
      world.say("flush %s fails", branch);
      world.coverage.mark("a flush failed");
    } finally {
      world.server().maintenance.setAtOnce(false);
    }
    noteDurable();
  }

  /** Background work that is due, or on one branch though it may not be. */
  void maintain() throws StorageException {
    SimBranch branch = world.any(world.branches);
    world.say("maintain %s", branch);
    world.server().maintenance.runAsked();
    world.server().maintenance.maintainSoon(world.server().timeline(branch));
    world.server().maintenance.runAsked();
    world.server().tenants.sweep();
    addFound();
    noteDurable();
  }

  /** What the page server says is durable must stay, and is never more than it has. */
  void noteDurable() throws StorageException {
    for (SimBranch branch : world.branches) {
      Lsn durable = world.server().timeline(branch).diskConsistentLsn();
      Violation.check(
          durable.isAtOrAfter(branch.durable) && durable.isAtOrBefore(branch.last()),
          "%s is durable up to %s, before it was up to %s, and it has WAL up to %s",
          branch,
          durable,
          branch.durable,
          branch.last());
      branch.durable = durable;
    }
  }

  /** A branch of a branch, at some LSN or now. */
  void branch() throws StorageException, InterruptedException {
    // The newest often, so that chains grow long.
    SimBranch parent = world.onceIn(2) ? world.branches.getLast() : world.any(world.branches);
    if (!canBranch(parent)) {
      return;
    }
    Lsn oldest = Lsn.max(parent.start, parent.readableFrom);
    Optional<Lsn> at =
        world.onceIn(3) || parent.last().isBefore(oldest)
            ? Optional.empty()
            : Optional.of(oldest.plus(world.random.nextLong(parent.last().minus(oldest) + 1)));
    create(ask(parent, at));
  }

  /** Whether there are not too many already. */
  boolean canBranch(SimBranch parent) {
    return world.branches.size() < BRANCHES_MAX && parent.depth() < DEPTH_MAX;
  }

  /** A branch of the oldest of another that can be branched off. */
  void branchOldest(SimBranch parent) throws StorageException, InterruptedException {
    create(askOldest(parent));
  }

  World.Unsure askOldest(SimBranch parent) {
    Lsn oldest = Lsn.max(parent.start, parent.readableFrom);
    return ask(parent, parent.last().isBefore(oldest) ? Optional.empty() : Optional.of(oldest));
  }

  private World.Unsure ask(SimBranch parent, Optional<Lsn> at) {
    branchesAsked++;
    TimelineId id = new TimelineId(3, branchesAsked);
    return new World.Unsure(world.request(id, "branch-" + branchesAsked, parent, at), parent);
  }

  void create(World.Unsure asked) throws StorageException, InterruptedException {
    BranchRequest request = asked.request();
    String at = request.lsn().map(Lsn::toString).orElse("its end");
    try {
      Timeline made = world.server().tenants.createBranch(request);
      world.say("%s off %s at %s", request.name(), asked.parent(), at);
      add(asked, made);
      Violation.check(
          world.server().tenants.createBranch(request) == made, "the same branch is made twice");
      world.coverage.mark("a branch was made at depth " + asked.parent().depth());
    } catch (StorageException.Transient | StorageException.Conflict e) {
      // A conflict is with what a failed attempt has left.
      world.say("%s off %s at %s fails", request.name(), asked.parent(), at);
      world.coverage.mark("making a branch failed");
      world.unsure.add(asked);
    } catch (StorageException.Precondition e) {
      if (asked.parent().mayBeArchived) {
        world.coverage.mark("a branch of an archived one was refused");
        return;
      }
      Violation.check(
          request.lsn().isPresent() && request.lsn().get().isBefore(asked.parent().cutoffMax),
          "%s cannot be made at %s: %s",
          request.name(),
          at,
          e);
      world.coverage.mark("a branch below a cut-off that is planned was refused");
    }
  }

  /** Where history was cut off no branch can be made. */
  void branchTooEarly() throws StorageException, InterruptedException {
    SimBranch parent = world.any(world.branches);
    Lsn at = parent.readableFrom.plus(-64L - world.random.nextInt(500));
    branchesAsked++;
    BranchRequest request =
        world.request(
            new TimelineId(3, branchesAsked), "branch-" + branchesAsked, parent, Optional.of(at));
    try {
      Timeline made = world.server().tenants.createBranch(request);
      throw new Violation("%s was made at %s".formatted(made.name(), at));
    } catch (StorageException.Precondition e) {
      world.coverage.mark("a branch below the cut-off was refused");
    } catch (StorageException.Transient e) {
      world.coverage.mark("a branch of one that is being replaced was refused");
    }
  }

  /** Branches are there of which it was not known whether they had been made. */
  void addFound() {
    for (World.Unsure asked : new ArrayList<>(world.unsure)) {
      for (Timeline timeline : world.server().tenants.timelines()) {
        if (timeline.id().timeline().equals(asked.request().timeline())) {
          add(asked, timeline);
          world.unsure.remove(asked);
          world.coverage.mark("a branch had been made");
        }
      }
    }
  }

  /** A branch is there. */
  void add(World.Unsure asked, Timeline made) {
    BranchRequest request = asked.request();
    Lsn readableFrom = made.readableFrom();
    Violation.check(
        readableFrom.isAtOrBefore(asked.parent().cutoffMax), "%s lacks history", made.name());
    request
        .lsn()
        .ifPresent(lsn ->
            Violation.check(Math.abs(made.startLsn().minus(lsn)) < 64, "%s made elsewhere", lsn));
    world.branches.add(
        new SimBranch(
            request.name(), request.timeline(), asked.parent(), made.startLsn(), readableFrom));
  }

  /** What failed before is asked for again. */
  void retry() throws StorageException, InterruptedException {
    if (!world.unsure.isEmpty()) {
      create(world.unsure.remove(world.random.nextInt(world.unsure.size())));
    }
    if (!world.deleting.isEmpty()) {
      delete(world.deleting.removeLast());
    }
  }

  /** A branch without branches goes. */
  void delete() throws StorageException {
    List<SimBranch> leaves = new ArrayList<>(world.branches);
    leaves.removeIf(branch -> !isLeaf(branch));
    if (!leaves.isEmpty()) {
      delete(world.any(leaves));
    }
  }

  /** Whether it can be deleted without others. */
  boolean isLeaf(SimBranch branch) {
    return branch.parent != null && !hasChildren(branch);
  }

  private boolean hasChildren(SimBranch branch) {
    return world.branches.stream().anyMatch(other -> other.parent == branch)
        || world.deleting.stream().anyMatch(other -> other.parent == branch)
        || world.unsure.stream().anyMatch(other -> other.parent() == branch);
  }

  void delete(SimBranch branch) throws StorageException {
    delete(branch, false);
  }

  /**
   * What was deleted may hold its parent again: a start goes on with deletions that were over,
   * since it cannot know, and may fail.
   */
  void settle() throws StorageException {
    SimObjectStore store = world.server().store;
    boolean wasCalm = store.isCalm();
    store.setCalm(true);
    store.endAfter(Long.MAX_VALUE);
    world.server().tenants.sweep();
    addFound();
    store.setCalm(wasCalm);
    world.coverage.mark("deletions of branches were finished once more");
  }

  private void delete(SimBranch branch, boolean isSettled) throws StorageException {
    world.branches.remove(branch);
    try {
      world.server().tenants.deleteBranch(World.id(branch));
      world.say("delete %s", branch);
      world.coverage.mark("a branch was deleted");
    } catch (StorageException.NotFound _) {
      world.say("delete %s, which is gone", branch);
    } catch (StorageException.Precondition e) {
      world.branches.add(branch);
      Violation.check(branch.mayBeProtected || !isSettled, "%s cannot be deleted: %s", branch, e);
      if (!branch.mayBeProtected) {
        settle();
        delete(branch, true);
      }
    } catch (StorageException.Transient _) {
      world.say("delete %s fails", branch);
      world.coverage.mark("deleting a branch failed");
      boolean hasBegun = !world.server().has(branch);
      (hasBegun ? world.deleting : world.branches).add(branch);
    }
  }
}
