package io.coppice.it.mutation;

import io.coppice.common.id.RelationTag;
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/**
 * Which points WAL reaches, by relation: a defect at a point makes a difference to the relations
 * whose records reach it, and to no other.
 */
final class Reach {
  private record Source(int resourceManager, RelationTag relation) {}

  /** In the order in which the WAL has them. */
  private final Map<Source, BitSet> bySource = new LinkedHashMap<>();

  /** Reached before any record. */
  private final BitSet atStart = new BitSet();

  void addStart(BitSet places) {
    atStart.or(places);
  }

  void add(int resourceManager, Set<RelationTag> relations, BitSet places) {
    for (RelationTag relation : relations) {
      bySource.computeIfAbsent(new Source(resourceManager, relation), _ -> new BitSet()).or(places);
    }
  }

  boolean isReached(int place) {
    return !relations(place, 1).isEmpty();
  }

  /**
   * Relations whose records show what a defect at the point does: the first so many of each
   * resource manager.
   */
  Set<RelationTag> relations(int place, int ofEachMax) {
    Set<RelationTag> relations = new LinkedHashSet<>();
    Map<Integer, Integer> ofEach = new HashMap<>();
    bySource.forEach((source, places) -> {
      boolean isShown = atStart.get(place) || places.get(place);
      if (isShown && ofEach.merge(source.resourceManager, 1, Integer::sum) <= ofEachMax) {
        relations.add(source.relation);
      }
    });
    return relations;
  }
}
