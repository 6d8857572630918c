package io.coppice.pageserver.tenant;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.TimelineId;
import io.coppice.pageserver.remote.TenantRecord;
import io.coppice.pageserver.remote.TimelineIndex;
import io.coppice.pageserver.timeline.Timeline;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
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

  /** Ids of timelines that are being made or deleted. */
  private final Set<TimelineId> taken = new HashSet<>();

  /** Timelines that are closed and not wholly deleted yet. */
  private final Map<TimelineId, TimelineIndex> deleting = new HashMap<>();

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

  boolean isNameTaken(String name) {
    return names.containsKey(name);
  }

  boolean isIdTaken(TimelineId id) {
    return timelines.containsKey(id) || broken.containsKey(id) || taken.contains(id);
  }

  /** Keeps a name, and a parent from being deleted, for a branch that is being made. */
  void reserve(TimelineId id, String name, TimelineId parent) {
    taken.add(id);
    names.put(name, id);
    childCounts.merge(parent, 1, Integer::sum);
  }

  void cancelReservation(TimelineId id, String name, TimelineId parent) {
    taken.remove(id);
    names.remove(name);
    childCounts.merge(parent, -1, Integer::sum);
  }

  /** Adds a timeline whose name and parent are reserved. */
  void addReserved(Timeline timeline) {
    taken.remove(timeline.id().timeline());
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
    broken.put(index.id().timeline(), why);
  }

  /**
   * Whether a timeline may be deleted.
   *
   * @param namesMax how many of its branches the message may name
   */
  void checkDeletable(Timeline timeline, int namesMax) throws StorageException.Precondition {
    TimelineId id = timeline.id().timeline();
    if (id.equals(record.rootTimeline())) {
      throw new StorageException.Precondition(
          "branch \"%s\" is the root of its tenant and cannot be deleted"
              .formatted(timeline.name()));
    }
    if (childCounts.getOrDefault(id, 0) > 0) {
      throw new StorageException.Precondition(
          "branch \"%s\" has branches (%s); delete them first"
              .formatted(timeline.name(), String.join(", ", childNames(id, namesMax))));
    }
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
  }

  /** Notes the index by which a timeline, hidden before, is deleted. */
  void startDeleting(TimelineIndex index) {
    deleting.put(index.id().timeline(), index);
  }

  /** Adds a timeline whose deletion was begun before the start. */
  void addDeleting(TimelineIndex index) {
    taken.add(index.id().timeline());
    names.put(index.name(), index.id().timeline());
    index.ancestor().ifPresent(ancestor -> childCounts.merge(ancestor, 1, Integer::sum));
    startDeleting(index);
  }

  @Nullable TimelineIndex deleting(TimelineId id) {
    return deleting.get(id);
  }

  void finishDeleting(TimelineIndex index) {
    if (deleting.remove(index.id().timeline()) != null) {
      taken.remove(index.id().timeline());
      names.remove(index.name());
      index.ancestor().ifPresent(ancestor -> childCounts.merge(ancestor, -1, Integer::sum));
    }
  }

  /** Names of branches, a few of them, for messages. */
  List<String> someNames(int countMax) {
    return names.keySet().stream().sorted().limit(countMax).toList();
  }
}
