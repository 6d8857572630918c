package io.coppice.pageserver.ingest;

import org.jspecify.annotations.Nullable;

/**
 * The relations seen lately, found by four numbers without making an object. Two open-addressing
 * tables: the younger is filled, and when it is full it becomes the older one, whose entries are
 * forgotten unless they are used again before the next change.
 *
 * <p>An entry may be forgotten at any time, so that nothing may be known by it alone.
 */
final class RelationCache {
  /** Entries of one table; a power of two. Twice as many may be held. */
  private static final int ENTRIES_MAX = 1 << 14;

  private static final int SLOTS = ENTRIES_MAX * 2;
  private static final int MASK = SLOTS - 1;

  private @Nullable Relation[] young = new Relation[SLOTS];
  private @Nullable Relation[] old = new Relation[SLOTS];
  private int youngCount;
  private @Nullable Relation last;

  /** The entry of that fork, if it is remembered. */
  @Nullable Relation find(int spc, int db, int relNumber, int fork) {
    Relation recent = last;
    if (recent != null && recent.is(spc, db, relNumber, fork)) {
      return recent;
    }
    Relation found = find(young, spc, db, relNumber, fork);
    if (found == null) {
      found = find(old, spc, db, relNumber, fork);
      if (found == null) {
        return null;
      }
      add(found);
    }
    last = found;
    return found;
  }

  private static @Nullable Relation find(
      @Nullable Relation[] table, int spc, int db, int relNumber, int fork) {
    int slot = Relation.hash(spc, db, relNumber, fork) & MASK;
    while (true) {
      Relation relation = table[slot];
      if (relation == null || relation.is(spc, db, relNumber, fork)) {
        return relation;
      }
      slot = slot + 1 & MASK;
    }
  }

  /** Remembers one that {@link #find} does not find. */
  void add(Relation relation) {
    if (youngCount == ENTRIES_MAX) {
      old = young;
      young = new Relation[SLOTS];
      youngCount = 0;
    }
    int slot = Relation.hash(relation.spc, relation.db, relation.relNumber, relation.fork) & MASK;
    while (young[slot] != null) {
      slot = slot + 1 & MASK;
    }
    young[slot] = relation;
    youngCount++;
    last = relation;
  }

  void clear() {
    young = new Relation[SLOTS];
    old = new Relation[SLOTS];
    youngCount = 0;
    last = null;
  }
}
