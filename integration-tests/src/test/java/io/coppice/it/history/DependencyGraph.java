package io.coppice.it.history;

import io.coppice.it.history.Anomaly.Kind;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/** Which transaction must come before which, and why; finds circles. */
final class DependencyGraph {
  /** Why one comes before the other. */
  enum Reason {
    /** The other's append follows its own. */
    WRITE_WRITE,
    /** The other saw its append. */
    WRITE_READ,
    /** It did not see the other's append. */
    READ_WRITE
  }

  private static final Set<Reason> WRITES = EnumSet.of(Reason.WRITE_WRITE);
  private static final Set<Reason> WRITES_AND_READS =
      EnumSet.of(Reason.WRITE_WRITE, Reason.WRITE_READ);
  private static final Set<Reason> ALL = EnumSet.allOf(Reason.class);

  private record Edge(int from, int to, Reason reason) {
    @Override
    public String toString() {
      return "%d -%s-> %d".formatted(from, reason, to);
    }
  }

  private final Map<Integer, Map<Integer, EnumSet<Reason>>> edges = new LinkedHashMap<>();

  void add(int from, int to, Reason reason) {
    if (from != to) {
      edges
          .computeIfAbsent(from, _ -> new LinkedHashMap<>())
          .computeIfAbsent(to, _ -> EnumSet.noneOf(Reason.class))
          .add(reason);
    }
  }

  /** The circle that is worst, if there is one. */
  Optional<Anomaly> circle() {
    return closedBy(WRITES, Reason.WRITE_WRITE, Kind.G0)
        .or(() -> closedBy(WRITES_AND_READS, Reason.WRITE_READ, Kind.G1C))
        .or(() -> closedBy(WRITES_AND_READS, Reason.READ_WRITE, Kind.G_SINGLE))
        .or(() -> closedBy(ALL, Reason.READ_WRITE, Kind.G2));
  }

  /** A way back, along {@code allowed}, from the end of an edge to its beginning. */
  private Optional<Anomaly> closedBy(Set<Reason> allowed, Reason closing, Kind kind) {
    Map<Integer, Integer> components = new Components(allowed(withReason(allowed, closing))).find();
    for (Edge edge : edgesOf(closing)) {
      if (Objects.equals(components.get(edge.from()), components.get(edge.to()))) {
        Optional<List<Edge>> back = path(edge.to(), edge.from(), allowed);
        if (back.isPresent()) {
          return Optional.of(new Anomaly(kind, edge + " " + back.get()));
        }
      }
    }
    return Optional.empty();
  }

  private static Set<Reason> withReason(Set<Reason> allowed, Reason more) {
    EnumSet<Reason> all = EnumSet.copyOf(allowed);
    all.add(more);
    return all;
  }

  private List<Edge> edgesOf(Reason reason) {
    List<Edge> found = new ArrayList<>();
    edges.forEach((from, targets) ->
        targets.forEach((to, reasons) -> {
          if (reasons.contains(reason)) {
            found.add(new Edge(from, to, reason));
          }
        }));
    return found;
  }

  /** Who can be reached in one step for one of those reasons. */
  private Map<Integer, List<Integer>> allowed(Set<Reason> allowed) {
    Map<Integer, List<Integer>> next = new HashMap<>();
    edges.forEach((from, targets) ->
        targets.forEach((to, reasons) -> {
          next.computeIfAbsent(to, _ -> new ArrayList<>());
          if (reasons.stream().anyMatch(allowed::contains)) {
            next.computeIfAbsent(from, _ -> new ArrayList<>()).add(to);
          } else {
            next.computeIfAbsent(from, _ -> new ArrayList<>());
          }
        }));
    return next;
  }

  private Optional<List<Edge>> path(int from, int to, Set<Reason> allowed) {
    Map<Integer, Edge> reachedBy = new HashMap<>();
    Deque<Integer> queue = new ArrayDeque<>(List.of(from));
    while (!queue.isEmpty()) {
      int at = queue.remove();
      for (var target : edges.getOrDefault(at, Map.of()).entrySet()) {
        Optional<Reason> reason = target.getValue().stream().filter(allowed::contains).findFirst();
        int next = target.getKey();
        if (reason.isEmpty() || next == from || reachedBy.containsKey(next)) {
          continue;
        }
        reachedBy.put(next, new Edge(at, next, reason.get()));
        if (next == to) {
          return Optional.of(walkBack(reachedBy, from, to));
        }
        queue.add(next);
      }
    }
    return Optional.empty();
  }

  private static List<Edge> walkBack(Map<Integer, Edge> reachedBy, int from, int to) {
    List<Edge> path = new ArrayList<>();
    int at = to;
    while (at != from) {
      Edge edge = reachedBy.get(at);
      if (edge == null) {
        throw new IllegalStateException("no way to " + at);
      }
      path.addFirst(edge);
      at = edge.from();
    }
    return path;
  }
}
