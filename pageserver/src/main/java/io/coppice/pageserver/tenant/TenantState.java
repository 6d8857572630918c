package io.coppice.pageserver.tenant;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TimelineId;
import io.coppice.pageserver.gc.History;
import io.coppice.pageserver.remote.TenantRecord;
import io.coppice.pageserver.remote.TimelineIndex;
import io.coppice.pageserver.timeline.Timeline;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A tenant's branches in memory. Not thread safe: its manager's lock is held. */
final class TenantState {
  private final TenantRecord record;
  private final Map<TimelineId, Timeline> timelines = new HashMap<>();
  private final Map<String, TimelineId> names = new HashMap<>();
  private final Map<TimelineId, Integer> childCounts = new HashMap<>();

  /** Timelines that cannot be used, and why. */
  private final Map<TimelineId, StorageException> broken = new HashMap<>();

  /** Ids of timelines that are being made or deleted, or whose WAL is. */
  private final Set<TimelineId> taken = new HashSet<>();

  private final Set<TimelineId> renaming = new HashSet<>();

  /** Names that those will have. */
  private final Set<String> promised = new HashSet<>();

  /** Timelines that are closed and whose objects are not all deleted yet. */
  private final Map<TimelineId, TimelineIndex> deleting = new HashMap<>();

  /** Timelines of which nothing is left but a marked index and, maybe, WAL. */
  private final Set<TimelineId> deleted = new HashSet<>();

  /** What ancestors must keep for those that are not usable: being made or deleted, or damaged. */
  private final Map<TimelineId, History> held = new HashMap<>();

  /**
   * Timelines that are being taken off their ancestors, and from where on they will be readable.
   */
  private final Map<TimelineId, Lsn> detaching = new HashMap<>();

  /** Where histories will begin, where that is decided, and maybe not durable yet. */
  private final Map<TimelineId, Lsn> cutoffs = new HashMap<>();

  TenantState(TenantRecord record) {
    this.record = record;
  }

  TenantRecord record() {
    return record;
  }

  /** All usable timelines, in no order. */
  List<Timeline> timelines() {
    return new ArrayList<>(timelines.values());
  }

  @Nullable Timeline find(TimelineId id) {
    return timelines.get(id);
  }

  /**
   * The timeline of that id.
   *
   * @throws StorageException.NotFound if there is none
   */
  Timeline get(TimelineId id) throws StorageException {
    Timeline found = timelines.get(id);
    if (found != null) {
      return found;
    }
    StorageException damage = broken.get(id);
    if (damage != null) {
      throw new StorageException.Corrupt(
          "timeline %s cannot be used: %s".formatted(id, damage.getMessage()), damage);
    }
    throw new StorageException.NotFound("tenant %s has no branch %s".formatted(record.name(), id));
  }

  @Nullable Timeline findByName(String name) {
    TimelineId id = names.get(name);
    return id == null ? null : timelines.get(id);
  }

  /**
   * Checks that a branch can have a name.
   *
   * @throws StorageException.Conflict if one has, or may have
   */
  void checkFree(String name) throws StorageException.Conflict {
    if (names.containsKey(name) || promised.contains(name)) {
      throw new StorageException.Conflict(
          "tenant %s has a branch \"%s\" already".formatted(record.name(), name));
    }
  }

  /**
   * Checks that a branch can have an id.
   *
   * @throws StorageException.Conflict if one has, or may have
   */
  void checkFree(TimelineId id) throws StorageException.Conflict {
    if (timelines.containsKey(id) || broken.containsKey(id) || taken.contains(id)) {
      throw new StorageException.Conflict(
          "branch %s is being made or deleted, or its WAL is".formatted(id));
    }
  }

  /**
   * Keeps a name for a branch that has another one as yet, by which it is not found before the
   * renaming is finished.
   *
   * @throws StorageException.Transient if it is being renamed already
   */
  void startRenaming(TimelineId id, String to) throws StorageException.Transient {
    if (!renaming.add(id)) {
      throw new StorageException.Transient("the name of branch %s is being changed".formatted(id));
    }
    promised.add(to);
  }

  void cancelRenaming(TimelineId id, String to) {
    renaming.remove(id);
    promised.remove(to);
  }

  void finishRenaming(TimelineId id, String from, String to) {
    cancelRenaming(id, to);
    names.remove(from, id);
    names.put(to, id);
  }

  /**
   * Keeps a name, and the parent and its history from being deleted, for a branch that is being
   * made at an LSN.
   *
   * @return from where on the parent's history stays
   */
  Lsn reserve(TimelineId id, String name, Timeline parent, Lsn at)
      throws StorageException.Precondition {
    Lsn readableFrom = reserve(id, parent, at);
    names.put(name, id);
    return readableFrom;
  }

  /** As {@link #reserve}, of a branch that will take over another one's name. */
  Lsn reserve(TimelineId id, Timeline parent, Lsn at) throws StorageException.Precondition {
    Lsn readableFrom = cutoff(parent);
    if (at.isBefore(readableFrom)) {
      throw new StorageException.Precondition(
          "branch \"%s\" has LSNs from %s to %s; %s is before them"
              .formatted(parent.name(), readableFrom, parent.lastRecordLsn(), at));
    }
    TimelineId parentId = parent.id().timeline();
    taken.add(id);
    childCounts.merge(parentId, 1, Integer::sum);
    held.put(id, new History(id, id.toString(), Optional.of(parentId), at, readableFrom));
    return readableFrom;
  }

  void cancelReservation(TimelineId id, TimelineId parent) {
    taken.remove(id);
    held.remove(id);
    childCounts.merge(parent, -1, Integer::sum);
  }

  /** Adds a timeline whose id and parent are reserved, and has its name lead to it. */
  void addWithName(Timeline timeline) {
    names.put(timeline.name(), timeline.id().timeline());
    addReserved(timeline);
  }

  void cancelReservation(TimelineId id, String name, TimelineId parent) {
    names.remove(name);
    cancelReservation(id, parent);
  }

  /** Adds a timeline whose name and parent are reserved. */
  void addReserved(Timeline timeline) {
    taken.remove(timeline.id().timeline());
    held.remove(timeline.id().timeline());
    timelines.put(timeline.id().timeline(), timeline);
  }

  void add(Timeline timeline) {
    names.put(timeline.name(), timeline.id().timeline());
    timeline.ancestor().ifPresent(a -> childCounts.merge(a.timeline(), 1, Integer::sum));
    addReserved(timeline);
  }

  void addBroken(TimelineId id, StorageException why) {
    broken.put(id, why);
  }

  /** Keeps a name and its parent from being used while what is behind it is damaged. */
  void addBroken(TimelineIndex index, StorageException why) {
    names.put(index.name(), index.id().timeline());
    index.ancestor().ifPresent(ancestor -> childCounts.merge(ancestor, 1, Integer::sum));
    hold(index);
    broken.put(index.id().timeline(), why);
  }

  /**
   * Whether a timeline may be deleted.
   *
   * @param namesMax how many of its branches the message may name
   * @throws StorageException.Corrupt if another timeline's index is damaged: it may be a branch of
   *     this one
   */
  void checkDeletable(Timeline timeline, int namesMax) throws StorageException {
    TimelineId id = timeline.id().timeline();
    checkSettled(timeline);
    if (id.equals(record.rootTimeline())) {
      throw new StorageException.Precondition(
          "branch \"%s\" is the root of its tenant and cannot be deleted"
              .formatted(timeline.name()));
    }
    if (childCounts.getOrDefault(id, 0) > 0) {
      List<String> children = childNames(id, namesMax);
      throw children.isEmpty()
          ? hasUnsettledBranches(timeline)
          : new StorageException.Precondition(
              "branch \"%s\" has branches (%s); delete them first"
                  .formatted(timeline.name(), String.join(", ", children)));
    }
    checkAllKnown();
  }

  /** They hold it, and have no names that anybody could use. */
  private static StorageException.Precondition hasUnsettledBranches(Timeline timeline) {
    return new StorageException.Precondition(
        "branch \"%s\" has branches that are being made or deleted, or are damaged"
            .formatted(timeline.name()));
  }

  /**
   * Whether a timeline may be archived: all its branches are, so that nobody reads from it.
   *
   * @param namesMax how many of its branches the message may name
   */
  void checkArchivable(Timeline timeline, int namesMax) throws StorageException {
    TimelineId id = timeline.id().timeline();
    checkSettled(timeline);
    List<String> reading = new ArrayList<>();
    int archived = 0;
    for (Timeline other : timelines.values()) {
      if (other.ancestorTimeline() == timeline) {
        if (other.term().isArchived()) {
          other.checkNotHeld();
          archived++;
        } else {
          reading.add(other.name());
        }
      }
    }
    if (!reading.isEmpty()) {
      throw new StorageException.Precondition(
          "branch \"%s\" has branches that are not archived (%s); archive or delete them first"
              .formatted(
                  timeline.name(),
                  String.join(", ", reading.stream().sorted().limit(namesMax).toList())));
    }
    if (childCounts.getOrDefault(id, 0) > archived) {
      throw hasUnsettledBranches(timeline);
    }
  }

  /**
   * Checks that no change to a timeline is under way, or in doubt, that others must not overtake.
   */
  private void checkSettled(Timeline timeline) throws StorageException.Transient {
    if (renaming.contains(timeline.id().timeline())) {
      throw new StorageException.Transient(
          "the name of branch \"%s\" is being changed".formatted(timeline.name()));
    }
    checkNotDetaching(timeline);
  }

  /**
   * Checks that a timeline is not being taken off its ancestor.
   *
   * @throws StorageException.Transient if it is, or if that is in doubt
   */
  void checkNotDetaching(Timeline timeline) throws StorageException.Transient {
    if (detaching.containsKey(timeline.id().timeline())) {
      throw new StorageException.Transient(
          "branch \"%s\" is being detached from its parent".formatted(timeline.name()));
    }
  }

  /** Has nothing new need history that is before the beginning of a timeline. */
  void startDetaching(Timeline timeline) {
    detaching.put(timeline.id().timeline(), timeline.startLsn());
  }

  /** The timeline has the ancestor that it had. */
  void cancelDetaching(TimelineId id) {
    detaching.remove(id);
  }

  /** The timeline has no ancestor any more; does nothing if that was said before. */
  void finishDetaching(TimelineId id, TimelineId ancestor) {
    if (detaching.remove(id) != null) {
      childCounts.merge(ancestor, -1, Integer::sum);
    }
  }

  /** A timeline, and all others that read from it. */
  List<Timeline> readersOf(Timeline timeline) {
    List<Timeline> readers = new ArrayList<>();
    for (Timeline other : timelines.values()) {
      Timeline at = other;
      while (at != null && at != timeline) {
        at = at.ancestorTimeline();
      }
      if (at != null) {
        readers.add(other);
      }
    }
    return readers;
  }

  /** Names of a timeline's branches, a few of them. */
  private List<String> childNames(TimelineId id, int countMax) {
    return timelines.values().stream()
        .filter(t -> t.ancestor().map(a -> a.timeline().equals(id)).orElse(false))
        .map(Timeline::name)
        .sorted()
        .limit(countMax)
        .toList();
  }

  /** Takes a timeline out of use; its name and its hold on its ancestor go once it is deleted. */
  void hide(Timeline timeline) {
    timelines.remove(timeline.id().timeline());
    taken.add(timeline.id().timeline());
    hold(timeline.durableIndex());
  }

  /** Notes the index by which a timeline, hidden before, is deleted. */
  void startDeleting(TimelineIndex index) {
    deleting.put(index.id().timeline(), index);
  }

  /** Adds a timeline whose deletion was begun before the start. */
  void addDeleting(TimelineIndex index) {
    taken.add(index.id().timeline());
    // One that replaced another, and was undone, has that one's name.
    names.putIfAbsent(index.name(), index.id().timeline());
    index.ancestor().ifPresent(ancestor -> childCounts.merge(ancestor, 1, Integer::sum));
    hold(index);
    startDeleting(index);
  }

  /** Indexes of all timelines that are closed and whose objects are not all deleted yet. */
  List<TimelineIndex> deleting() {
    return new ArrayList<>(deleting.values());
  }

  @Nullable TimelineIndex deleting(TimelineId id) {
    return deleting.get(id);
  }

  void finishDeleting(TimelineIndex index) {
    if (deleting.remove(index.id().timeline()) != null) {
      addDeleted(index.id().timeline());
      held.remove(index.id().timeline());
      cutoffs.remove(index.id().timeline());
      names.remove(index.name(), index.id().timeline());
      index.ancestor().ifPresent(ancestor -> childCounts.merge(ancestor, -1, Integer::sum));
    }
  }

  /** Adds a timeline of which only WAL may be left; its name and its ancestor are free. */
  void addDeleted(TimelineId id) {
    taken.add(id);
    deleted.add(id);
  }

  /** Ids of those. */
  List<TimelineId> deleted() {
    return new ArrayList<>(deleted);
  }

  /** Nothing is left of it: its id is free, too. */
  void forget(TimelineId id) {
    if (deleted.remove(id)) {
      taken.remove(id);
    }
  }

  private void hold(TimelineIndex index) {
    held.put(index.id().timeline(), history(index));
  }

  private static History history(TimelineIndex index) {
    return new History(
        index.id().timeline(),
        index.name(),
        index.ancestor(),
        index.startLsn(),
        index.readableFrom());
  }

  /** Where a timeline's history begins, or soon will: nothing new may need what is before. */
  Lsn cutoff(Timeline timeline) {
    Lsn planned = cutoffs.getOrDefault(timeline.id().timeline(), Lsn.INVALID);
    Lsn cutoff = Lsn.max(planned, timeline.readableFrom());
    if (!detaching.isEmpty()) {
      for (Timeline at = timeline; at != null; at = at.ancestorTimeline()) {
        cutoff = Lsn.max(cutoff, detaching.getOrDefault(at.id().timeline(), Lsn.INVALID));
      }
    }
    return cutoff;
  }

  /** Has a timeline's history begin there soon. */
  void planCutoff(Timeline timeline, Lsn lsn) {
    cutoffs.put(timeline.id().timeline(), Lsn.max(lsn, cutoff(timeline)));
  }

  /** The histories of all timelines, whatever state they are in, as they are durable. */
  List<History> histories() {
    List<History> all = new ArrayList<>(held.values());
    timelines.values().forEach(timeline -> all.add(history(timeline.durableIndex())));
    return all;
  }

  /**
   * Checks that of all timelines it is known what they need.
   *
   * @throws StorageException.Corrupt if an index is damaged
   */
  void checkAllKnown() throws StorageException.Corrupt {
    for (Map.Entry<TimelineId, StorageException> entry : broken.entrySet()) {
      if (!held.containsKey(entry.getKey())) {
        throw new StorageException.Corrupt(
            "what timeline %s needs is not known: %s"
                .formatted(entry.getKey(), entry.getValue().getMessage()),
            entry.getValue());
      }
    }
  }

  /** Names of branches, a few of them, for messages. */
  List<String> someNames(int countMax) {
    return names.keySet().stream().sorted().limit(countMax).toList();
  }
}
