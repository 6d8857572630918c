package io.coppice.safekeeper.consensus;

import io.coppice.common.id.Lsn;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Which term wrote which stretch of the log: entry i's WAL runs from its LSN to that of entry i+1.
 * Terms rise, LSNs do not fall. Empty for a log that no proposer has led yet.
 *
 * <p>Two logs whose histories share an entry hold the same bytes up to the end of that term's
 * stretch in the shorter of them: a term has one proposer, and it never overwrites its own WAL.
 */
public record TermHistory(List<TermSwitch> entries) {
  /** A history of so many entries still fits into one message. */
  public static final int ENTRIES_MAX = 1 << 17;

  public static final TermHistory EMPTY = new TermHistory(List.of());

  public TermHistory {
    entries = List.copyOf(entries);
    if (entries.size() > ENTRIES_MAX) {
      throw new IllegalArgumentException("term history of " + entries.size() + " entries");
    }
    for (int i = 1; i < entries.size(); i++) {
      TermSwitch before = entries.get(i - 1);
      TermSwitch entry = entries.get(i);
      if (entry.term() <= before.term() || entry.startLsn().isBefore(before.startLsn())) {
        throw new IllegalArgumentException(
            "term history out of order: %s before %s".formatted(before, entry));
      }
    }
  }

  public boolean isEmpty() {
    return entries.isEmpty();
  }

  /** Term of the WAL that ends at {@code end}; 0 if no term wrote any of it. */
  public long lastTermAt(Lsn end) {
    long term = 0;
    for (TermSwitch entry : entries) {
      if (entry.startLsn().isAfter(end)) {
        break;
      }
      term = entry.term();
    }
    return term;
  }

  /** The entries that begin at or below {@code end}: a history may run ahead of its log. */
  public TermHistory upTo(Lsn end) {
    List<TermSwitch> kept =
        entries.stream().filter(entry -> entry.startLsn().isAtOrBefore(end)).toList();
    return new TermHistory(kept);
  }

  /** With one entry more. */
  public TermHistory with(TermSwitch next) {
    List<TermSwitch> longer = new ArrayList<>(entries);
    longer.add(next);
    return new TermHistory(longer);
  }

  /** Where {@code term} began, if this history has it. */
  public Optional<Lsn> startOf(long term) {
    return entries.stream()
        .filter(entry -> entry.term() == term)
        .map(TermSwitch::startLsn)
        .findFirst();
  }

  /**
   * The last position up to which a follower's log is sure to hold the same bytes as the log of
   * which this is the history. WAL of the follower above it is to be cut off.
   *
   * @param follower the follower's history
   * @param followerEnd where the follower's durable log ends
   */
  public Lsn commonPoint(TermHistory follower, Lsn followerEnd) {
    int common = 0;
    while (common < entries.size()
        && common < follower.entries.size()
        && entries.get(common).equals(follower.entries.get(common))) {
      common++;
    }
    if (common == 0) {
      return entries.isEmpty() ? followerEnd : entries.getFirst().startLsn();
    }
    Lsn end = followerEnd;
    if (common < entries.size()) {
      end = Lsn.min(end, entries.get(common).startLsn());
    }
    if (common < follower.entries.size()) {
      end = Lsn.min(end, follower.entries.get(common).startLsn());
    }
    return end;
  }

  @Override
  public String toString() {
    return entries.toString();
  }
}
