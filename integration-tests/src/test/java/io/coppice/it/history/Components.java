package io.coppice.it.history;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Strongly connected components, by Kosaraju's two walks, without recursion. */
final class Components {
  private final Map<Integer, List<Integer>> next;

  Components(Map<Integer, List<Integer>> next) {
    this.next = next;
  }

  /** Each node's component; nodes on a common circle have the same. */
  Map<Integer, Integer> find() {
    Map<Integer, List<Integer>> before = new HashMap<>();
    next.forEach((from, targets) ->
        targets.forEach(to -> before.computeIfAbsent(to, _ -> new ArrayList<>()).add(from)));
    Map<Integer, Integer> components = new HashMap<>();
    for (int root : leftLastFirst()) {
      Deque<Integer> stack = new ArrayDeque<>(List.of(root));
      while (!stack.isEmpty()) {
        int node = stack.pop();
        if (components.putIfAbsent(node, root) == null) {
          before.getOrDefault(node, List.of()).forEach(stack::push);
        }
      }
    }
    return components;
  }

  private Iterable<Integer> leftLastFirst() {
    Deque<Integer> left = new ArrayDeque<>();
    Set<Integer> entered = new HashSet<>();
    for (int root : next.keySet()) {
      if (!entered.add(root)) {
        continue;
      }
      Deque<Integer> path = new ArrayDeque<>(List.of(root));
      Deque<Iterator<Integer>> open = new ArrayDeque<>(List.of(targets(root)));
      while (!path.isEmpty()) {
        Iterator<Integer> targets = open.getFirst();
        if (!targets.hasNext()) {
          left.push(path.pop());
          open.pop();
          continue;
        }
        int target = targets.next();
        if (entered.add(target)) {
          path.push(target);
          open.push(targets(target));
        }
      }
    }
    return left;
  }

  private Iterator<Integer> targets(int node) {
    return next.getOrDefault(node, List.of()).iterator();
  }
}
