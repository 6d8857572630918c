package io.coppice.testsupport.disk;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The entries of a directory: as programs see them, and the changes that a loss of power may undo,
 * each by itself. A rename is one change, in one directory or in two.
 */
final class SimDirectory implements SimNode {

  /** One change; shared by the two directories of a rename between them. */
  static final class Change {
    private boolean durable;
    private boolean decided;
    private boolean kept;

    private boolean survives(SimFile.Loss loss) {
      if (!decided) {
        decided = true;
        kept = durable || loss.keeps();
      }
      return kept;
    }
  }

  /** A name that goes, a name that comes; either may be missing. */
  private record Edit(Change change, @Nullable String gone, @Nullable String name, SimNode node) {}

  private final Map<String, SimNode> entries = new TreeMap<>();
  private Map<String, SimNode> durable = new TreeMap<>();
  private final List<Edit> unsynced = new ArrayList<>();

  @Nullable SimNode get(String name) {
    return entries.get(name);
  }

  @Nullable SimNode getDurable(String name) {
    return durable.get(name);
  }

  List<String> names() {
    return List.copyOf(entries.keySet());
  }

  boolean isEmpty() {
    return entries.isEmpty();
  }

  void put(String name, SimNode node, Change change) {
    apply(new Edit(change, null, name, node));
  }

  void remove(String name, Change change) {
    SimNode node = entries.get(name);
    if (node != null) {
      apply(new Edit(change, name, null, node));
    }
  }

  void rename(String from, String to, Change change) {
    SimNode node = entries.get(from);
    if (node != null) {
      apply(new Edit(change, from, to, node));
    }
  }

  private void apply(Edit edit) {
    unsynced.add(edit);
    apply(edit, entries);
  }

  private static void apply(Edit edit, Map<String, SimNode> to) {
    if (edit.gone != null && to.get(edit.gone) == edit.node) {
      to.remove(edit.gone);
    }
    if (edit.name != null) {
      to.put(edit.name, edit.node);
    }
  }

  void sync() {
    unsynced.forEach(edit -> edit.change.durable = true);
    unsynced.clear();
    durable = new TreeMap<>(entries);
  }

  @Override
  public void losePower(SimFile.Loss loss) {
    Map<String, SimNode> left = new TreeMap<>(durable);
    for (Edit edit : unsynced) {
      if (edit.change.survives(loss)) {
        apply(edit, left);
      }
    }
    unsynced.clear();
    entries.clear();
    entries.putAll(left);
    durable = new TreeMap<>(left);
    new HashMap<>(left).values().forEach(node -> node.losePower(loss));
  }
}
