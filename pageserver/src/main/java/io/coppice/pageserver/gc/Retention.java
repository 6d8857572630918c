package io.coppice.pageserver.gc;

import io.coppice.common.id.Lsn;
import io.coppice.common.id.TimelineId;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The rule of what is kept: of each timeline of a tenant the LSNs at which it must be readable, by
 * itself or by the branches that read through it.
 *
 * <pre>
 *   needed(T) = [readable from(T), newest]
 *               and for each branch C of T: min(x, start(C)) for each x in needed(C)
 * </pre>
 *
 * <p>So a branch that can itself be read back to before its start keeps all of that of its
 * ancestor; one that cannot keeps the point where it begins.
 */
public final class Retention {
  private final Map<TimelineId, History> histories = new HashMap<>();
  private final Map<TimelineId, List<History>> branches = new HashMap<>();
  private final Map<TimelineId, LsnRanges> needed = new HashMap<>();

  /** The rule for a tenant of which these are all timelines, whatever state they are in. */
  public Retention(Collection<History> timelines) {
    for (History timeline : timelines) {
      histories.put(timeline.id(), timeline);
      timeline
          .ancestor()
          .ifPresent(a -> branches.computeIfAbsent(a, _ -> new ArrayList<>()).add(timeline));
    }
    timelines.forEach(this::compute);
  }

  /** Branches first. A chain of them is as deep as a user made it. */
  private void compute(History timeline) {
    if (needed.containsKey(timeline.id())) {
      return;
    }
    Deque<History> open = new ArrayDeque<>(List.of(timeline));
    while (!open.isEmpty()) {
      History top = open.peek();
      // All at once: a timeline may have thousands, and is looked at twice only.
      List<History> missing =
          branchesOf(top.id()).stream().filter(b -> !needed.containsKey(b.id())).toList();
      if (!missing.isEmpty()) {
        missing.forEach(open::push);
      } else {
        open.pop();
        List<LsnRanges> all = new ArrayList<>();
        all.add(LsnRanges.startingAt(top.readableFrom()));
        branchesOf(top.id()).forEach(branch -> all.add(neededBy(branch)));
        needed.put(top.id(), LsnRanges.union(all));
      }
    }
  }

  private List<History> branchesOf(TimelineId id) {
    return branches.getOrDefault(id, List.of());
  }

  private LsnRanges neededBy(History branch) {
    return needed.getOrDefault(branch.id(), LsnRanges.NONE).cappedAt(branch.startLsn());
  }

  /** The LSNs at which a timeline must be readable. */
  public LsnRanges needed(TimelineId timeline) {
    return needed.getOrDefault(timeline, LsnRanges.startingAt(Lsn.INVALID));
  }

  /** Those of them at which it must be so by itself. */
  public LsnRanges neededByItself(TimelineId timeline) {
    History history = histories.get(timeline);
    return LsnRanges.startingAt(history == null ? Lsn.INVALID : history.readableFrom());
  }

  /** Names of the timeline's branches that read it at the first LSN needed from one on. */
  public List<String> holders(TimelineId timeline, Lsn from) {
    Optional<Lsn> first = needed(timeline).firstAtOrAfter(from);
    return branchesOf(timeline).stream()
        .filter(b -> first.isPresent() && neededBy(b).firstAtOrAfter(from).equals(first))
        .map(History::name)
        .toList();
  }
}
