package io.coppice.pageserver.sim;

import io.coppice.common.id.Lsn;
import io.coppice.common.id.TimelineId;
import io.coppice.common.key.Key;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A branch as it must be: the WAL that safekeepers have of it, how much of that the page server has
 * taken in, and all versions of its values.
 */
final class SimBranch {
  /** Empty: nothing is there from here on. */
  private static final byte[] DELETED = new byte[0];

  final TimelineId id;
  final Lsn start;

  /** What it was branched off, and what its values before its start are those of. */
  private final @Nullable SimBranch origin;

  /** The same, until it is known to be detached. */
  @Nullable SimBranch parent;

  private final List<SimRecord> wal = new ArrayList<>();
  private final Map<Key, TreeMap<Lsn, byte[]>> versions = new HashMap<>();
  private int ingested;

  String name;

  /** Those that it may have: more than one after a change that failed. */
  final Set<String> names = new TreeSet<>();

  /** A change that failed may have left it so. */
  boolean mayBeProtected;

  /** A change that failed may have left it so. */
  boolean mayBeArchived;

  /** Somebody has asked for it to be detached. */
  boolean mayBeDetached;

  /** Garbage collection is to leave it alone. */
  boolean isBlocked;

  /** Up to where the page server has said that all is durable. */
  Lsn durable;

  /** Below it reads are refused. */
  Lsn readableFrom;

  /** How far that may have come, or come yet, if saving it has failed. */
  Lsn cutoffMax;

  /** The latest time of a commit, in Postgres's microseconds. */
  long latestMicros;

  SimBranch(String name, TimelineId id, @Nullable SimBranch parent, Lsn start, Lsn readableFrom) {
    this.name = name;
    this.names.add(name);
    this.id = id;
    this.origin = parent;
    this.parent = parent;
    this.start = start;
    this.durable = start;
    this.readableFrom = readableFrom;
    this.cutoffMax = readableFrom;
    this.latestMicros = parent == null ? 0 : parent.latestMicros;
  }

  /** It has that name, and no other one. */
  void isNamed(String newName) {
    name = newName;
    names.clear();
    names.add(newName);
  }

  /** What is read there; null if nothing is. */
  byte @Nullable [] read(Key key, Lsn lsn) {
    TreeMap<Lsn, byte[]> own = versions.get(key);
    Map.Entry<Lsn, byte[]> found = own == null ? null : own.floorEntry(lsn);
    if (found != null) {
      return found.getValue().length == 0 ? null : found.getValue();
    }
    return origin == null ? null : origin.read(key, Lsn.min(lsn, start));
  }

  /** At which LSNs, up to where the page server is, a key was written, here or in ancestors. */
  NavigableSet<Lsn> lsnsOf(Key key) {
    NavigableSet<Lsn> all = origin == null ? new TreeSet<>() : origin.lsnsOf(key);
    all.tailSet(start, false).clear();
    TreeMap<Lsn, byte[]> own = versions.get(key);
    if (own != null) {
      all.addAll(own.headMap(last(), true).keySet());
    }
    return all;
  }

  /** Stores a value as its record, or the import, has it. */
  void put(Key key, Lsn lsn, byte[] stored) {
    byte[] after = SimKeys.redo(read(key, lsn), stored);
    versions.computeIfAbsent(key, _ -> new TreeMap<>()).put(lsn, after == null ? DELETED : after);
  }

  /** Safekeepers have a record more. */
  void append(SimRecord record) {
    wal.add(record);
    record.values().forEach((key, value) -> put(key, record.end(), value));
  }

  /** The end of all WAL, here or not. */
  Lsn walEnd() {
    return wal.isEmpty() ? start : wal.getLast().end();
  }

  boolean isCaughtUp() {
    return ingested == wal.size();
  }

  /** The next record for the page server. */
  SimRecord next() {
    return wal.get(ingested);
  }

  /** It takes that. */
  SimRecord takeNext() {
    return wal.get(ingested++);
  }

  /** The last record that the page server has. */
  @Nullable SimRecord newest() {
    return ingested == 0 ? null : wal.get(ingested - 1);
  }

  /** Up to where the page server is. */
  Lsn last() {
    SimRecord newest = newest();
    return newest == null ? start : newest.end();
  }

  /** The page server has begun anew: it forgot what was not durable. */
  void beginAt(Lsn lsn) {
    ingested = 0;
    while (!isCaughtUp() && last().isBefore(lsn)) {
      ingested++;
    }
    Violation.check(last().equals(lsn), "%s begins at %s, within a record", name, lsn);
  }

  /** Whether the page server has all that a read needs, here and in ancestors. */
  boolean hasAllFor(Lsn lsn) {
    return lsn.isAtOrBefore(last()) && (parent == null || parent.hasAllFor(Lsn.min(lsn, start)));
  }

  /** Whether it is that one, or reads from it. */
  boolean readsFrom(SimBranch other) {
    return this == other || (parent != null && parent.readsFrom(other));
  }

  int depth() {
    return parent == null ? 0 : parent.depth() + 1;
  }

  @Override
  public String toString() {
    return name;
  }
}
