package io.coppice.pageserver.remote;

import io.coppice.common.id.Lsn;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * What is kept of a branch's history beyond what is kept of all.
 *
 * @param gcBlock why garbage collection leaves all of it alone; empty if it does not
 * @param leases in order of LSN, at most one of each
 */
public record HistoryHold(Optional<String> gcBlock, List<LsnLease> leases) {
  /** Nothing. */
  public static final HistoryHold NONE = new HistoryHold(Optional.empty(), List.of());

  public HistoryHold {
    leases = List.copyOf(leases);
  }

  /** Blocked for that reason, or no longer. */
  public HistoryHold withGcBlock(Optional<String> reason) {
    return new HistoryHold(reason, leases);
  }

  /** With one lease more, or one that lasts longer; without those that are over. */
  public HistoryHold leased(LsnLease added, Instant now) {
    Optional<LsnLease> known = leases.stream().filter(l -> l.lsn().equals(added.lsn())).findAny();
    if (known.isPresent() && known.get().until().isAfter(added.until())) {
      return this;
    }
    List<LsnLease> next = new ArrayList<>(without(added.lsn(), now));
    next.add(added);
    next.sort(Comparator.comparing(LsnLease::lsn));
    return new HistoryHold(gcBlock, next);
  }

  /** Without a lease of that LSN, and those that are over. */
  public HistoryHold released(Lsn lsn, Instant now) {
    return new HistoryHold(gcBlock, without(lsn, now));
  }

  private List<LsnLease> without(Lsn lsn, Instant now) {
    return leases.stream().filter(l -> !l.lsn().equals(lsn) && l.until().isAfter(now)).toList();
  }

  /** The oldest LSN that is leased. */
  public Optional<Lsn> oldestLease(Instant now) {
    return leases.stream().filter(l -> l.until().isAfter(now)).map(LsnLease::lsn).findFirst();
  }
}
