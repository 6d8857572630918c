package io.coppice.it.history;

import io.coppice.it.history.Anomaly.Kind;
import io.coppice.it.history.DependencyGraph.Reason;
import io.coppice.it.history.Operation.Append;
import io.coppice.it.history.Operation.Read;
import io.coppice.it.history.Transaction.Outcome;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.UnaryOperator;

/**
 * Whether a history of transactions that read lists and append to them is one of a serializable
 * database in which nothing acknowledged gets lost. As elements are appended once only, a list that
 * was read says who appended before whom, and what its reader had not seen.
 */
public final class HistoryChecker {
  private final List<Transaction> history;
  private final ListVersions versions;
  private final List<Anomaly> anomalies = new ArrayList<>();

  private HistoryChecker(List<Transaction> history) {
    this.history = history.stream().map(settledBy(history.getLast())).toList();
    this.versions = new ListVersions(this.history);
  }

  /**
   * What came of a commit that was not answered: if none of its appends is there in the end, it was
   * not carried out, and what it read, its own appends among it, says nothing. Somebody else who
   * saw them says that they were lost.
   */
  private static UnaryOperator<Transaction> settledBy(Transaction last) {
    Set<Long> there = new HashSet<>();
    for (Operation operation : last.operations()) {
      if (operation instanceof Read(int _, List<Long> seen)) {
        there.addAll(seen);
      }
    }
    return transaction -> {
      Set<Long> appended = transaction.appended();
      boolean isGone =
          transaction.outcome() == Outcome.UNKNOWN
              && !appended.isEmpty()
              && Collections.disjoint(appended, there);
      return isGone ? transaction.with(Outcome.FAILED) : transaction;
    };
  }

  /**
   * All that is wrong.
   *
   * @param history its last transaction reads all lists, after all others have ended
   */
  public static List<Anomaly> check(List<Transaction> history) {
    HistoryChecker checker = new HistoryChecker(history);
    checker.anomalies.addAll(checker.versions.anomalies());
    checker.checkLost();
    for (Transaction transaction : checker.history) {
      if (transaction.mayBeCommitted()) {
        checker.checkInternal(transaction);
      }
    }
    checker.checkStale();
    if (checker.anomalies.isEmpty()) {
      checker.dependencies().circle().ifPresent(checker.anomalies::add);
    }
    return checker.anomalies;
  }

  private void checkLost() {
    Map<Integer, Set<Long>> last = new HashMap<>();
    for (Operation operation : history.getLast().operations()) {
      if (operation instanceof Read(int key, List<Long> seen)) {
        last.put(key, new HashSet<>(seen));
      }
    }
    for (Transaction transaction : history) {
      for (Operation operation : transaction.operations()) {
        if (operation instanceof Append(int key, long element)
            && transaction.outcome() == Outcome.OK
            && !last.getOrDefault(key, Set.of()).contains(element)) {
          anomalies.add(
              new Anomaly(
                  Kind.LOST_APPEND, "%d to list %d, %s".formatted(element, key, transaction)));
        }
      }
    }
  }

  private void checkInternal(Transaction transaction) {
    Map<Integer, List<Long>> known = new HashMap<>();
    Map<Integer, List<Long>> appended = new HashMap<>();
    for (Operation operation : transaction.operations()) {
      switch (operation) {
        case Append(int key, long element) -> {
          appended.computeIfAbsent(key, _ -> new ArrayList<>()).add(element);
          known.computeIfPresent(
              key,
              (_, before) -> {
                List<Long> after = new ArrayList<>(before);
                after.add(element);
                return after;
              });
        }
        case Read(int key, List<Long> seen) -> {
          List<Long> own = appended.getOrDefault(key, List.of());
          boolean endsWithOwn =
              seen.size() >= own.size()
                  && seen.subList(seen.size() - own.size(), seen.size()).equals(own);
          if (!endsWithOwn || !known.getOrDefault(key, seen).equals(seen)) {
            anomalies.add(
                new Anomaly(
                    Kind.INTERNAL, "list %d as %s in %s".formatted(key, seen, transaction)));
          }
          known.put(key, seen);
        }
      }
    }
  }

  /** A snapshot has all that was acknowledged before it was taken. */
  private void checkStale() {
    Map<Integer, NavigableMap<Long, Integer>> lengthByTime = new HashMap<>();
    versions
        .orders()
        .forEach((key, order) -> {
          NavigableMap<Long, Integer> lengths =
              lengthByTime.computeIfAbsent(key, _ -> new TreeMap<>());
          int length = 0;
          for (Long element : order) {
            length++;
            if (versions.isKnown(element)
                && versions.writer(element).transaction().outcome() == Outcome.OK) {
              lengths.merge(
                  versions.writer(element).transaction().completedNanos(), length, Math::max);
            }
          }
          int greatest = 0;
          for (Map.Entry<Long, Integer> entry : lengths.entrySet()) {
            greatest = Math.max(greatest, entry.getValue());
            entry.setValue(greatest);
          }
        });
    for (Transaction transaction : history) {
      for (Operation operation : transaction.operations()) {
        if (operation instanceof Read(int key, List<Long> seen) && transaction.mayBeCommitted()) {
          var before =
              lengthByTime
                  .getOrDefault(key, new TreeMap<>())
                  .lowerEntry(transaction.invokedNanos());
          if (before != null && seen.size() < before.getValue()) {
            anomalies.add(
                new Anomaly(
                    Kind.STALE_READ,
                    "%d elements of list %d, which had %d, by %s"
                        .formatted(seen.size(), key, before.getValue(), transaction)));
          }
        }
      }
    }
  }

  private DependencyGraph dependencies() {
    DependencyGraph graph = new DependencyGraph();
    for (List<Long> order : versions.orders().values()) {
      for (int i = 1; i < order.size(); i++) {
        graph.add(writer(order.get(i - 1)), writer(order.get(i)), Reason.WRITE_WRITE);
      }
    }
    for (Transaction transaction : history) {
      for (Operation operation : transaction.operations()) {
        if (operation instanceof Read(int key, List<Long> seen) && transaction.mayBeCommitted()) {
          addRead(graph, transaction.id(), versions.orders().getOrDefault(key, List.of()), seen);
        }
      }
    }
    return graph;
  }

  private void addRead(DependencyGraph graph, int reader, List<Long> order, List<Long> seen) {
    int length = seen.size();
    while (length > 0 && writer(seen.get(length - 1)) == reader) {
      length--; // its own, in the end
    }
    if (length > 0) {
      graph.add(writer(seen.get(length - 1)), reader, Reason.WRITE_READ);
    }
    int next = length;
    while (next < order.size() && writer(order.get(next)) == reader) {
      next++;
    }
    if (next < order.size()) {
      graph.add(reader, writer(order.get(next)), Reason.READ_WRITE);
    }
  }

  private int writer(long element) {
    return versions.writer(element).transaction().id();
  }
}
