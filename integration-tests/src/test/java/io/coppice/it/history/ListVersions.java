package io.coppice.it.history;

import io.coppice.it.history.Anomaly.Kind;
import io.coppice.it.history.Operation.Append;
import io.coppice.it.history.Operation.Read;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/** The order in which each list grew: that of the longest state that anybody saw. */
final class ListVersions {
  /** Who appended an element, and whether it is the last that it appended to the list. */
  record Writer(Transaction transaction, int key, boolean last) {}

  private final Map<Long, Writer> writers = new HashMap<>();
  private final Map<Integer, List<Long>> longest = new TreeMap<>();
  private final List<Anomaly> anomalies = new ArrayList<>();

  ListVersions(List<Transaction> history) {
    history.forEach(this::noteWriters);
    for (Transaction transaction : history) {
      for (Operation operation : transaction.operations()) {
        if (operation instanceof Read read && transaction.mayBeCommitted()) {
          noteState(read);
        }
      }
    }
    longest.forEach(this::checkElements);
    for (Transaction transaction : history) {
      if (transaction.mayBeCommitted()) {
        transaction.operations().forEach(operation -> checkOrder(transaction, operation));
      }
    }
  }

  /** What is wrong with the states themselves. */
  List<Anomaly> anomalies() {
    return anomalies;
  }

  Map<Integer, List<Long>> orders() {
    return longest;
  }

  Writer writer(long element) {
    Writer writer = writers.get(element);
    if (writer == null) {
      throw new IllegalArgumentException("no writer of " + element);
    }
    return writer;
  }

  boolean isKnown(long element) {
    return writers.containsKey(element);
  }

  private void noteWriters(Transaction transaction) {
    Map<Integer, Long> last = new HashMap<>();
    for (Operation operation : transaction.operations()) {
      if (operation instanceof Append(int key, long element)) {
        last.put(key, element);
      }
    }
    for (Operation operation : transaction.operations()) {
      if (operation instanceof Append(int key, long element)) {
        boolean isLast = Long.valueOf(element).equals(last.get(key));
        writers.put(element, new Writer(transaction, key, isLast));
      }
    }
  }

  private void noteState(Read read) {
    longest.merge(
        read.key(), read.seen(), (known, seen) -> seen.size() > known.size() ? seen : known);
  }

  private void checkElements(int key, List<Long> order) {
    Set<Long> seen = new HashSet<>();
    for (Long element : order) {
      if (!seen.add(element)) {
        anomalies.add(new Anomaly(Kind.DUPLICATE, "%d in list %d".formatted(element, key)));
      }
      Writer writer = writers.get(element);
      if (writer == null || writer.key() != key) {
        anomalies.add(new Anomaly(Kind.STRANGER, "%d in list %d".formatted(element, key)));
      } else if (!writer.transaction().mayBeCommitted()) {
        anomalies.add(
            new Anomaly(
                Kind.ABORTED_READ,
                "%d in list %d, of %s".formatted(element, key, writer.transaction())));
      }
    }
  }

  private void checkOrder(Transaction transaction, Operation operation) {
    if (!(operation instanceof Read(int key, List<Long> seen))) {
      return;
    }
    List<Long> order = longest.getOrDefault(key, List.of());
    if (!order.subList(0, Math.min(seen.size(), order.size())).equals(seen)) {
      anomalies.add(
          new Anomaly(
              Kind.INCOMPATIBLE_ORDER,
              "list %d was seen as %s by %s, and as %s".formatted(key, seen, transaction, order)));
      return;
    }
    if (!seen.isEmpty() && isKnown(seen.getLast())) {
      Writer writer = writer(seen.getLast());
      if (!writer.last() && writer.transaction().id() != transaction.id()) {
        anomalies.add(
            new Anomaly(
                Kind.INTERMEDIATE_READ,
                "list %d up to %d, by %s".formatted(key, seen.getLast(), transaction)));
      }
    }
  }
}
