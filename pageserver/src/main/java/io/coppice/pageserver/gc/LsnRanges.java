package io.coppice.pageserver.gc;

import io.coppice.common.id.Lsn;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/** LSNs that must stay readable, as ranges in order that do not touch. Immutable. */
public final class LsnRanges {
  /** None. */
  public static final LsnRanges NONE = new LsnRanges(List.of());

  /** From one LSN to another, both inclusive. */
  private record Range(Lsn from, Lsn to) {}

  private final List<Range> ranges;

  private LsnRanges(List<Range> ranges) {
    this.ranges = ranges;
  }

  /** An LSN and all after it. */
  public static LsnRanges startingAt(Lsn from) {
    return new LsnRanges(List.of(new Range(from, Lsn.MAX)));
  }

  /** All of several. */
  public static LsnRanges union(Collection<LsnRanges> parts) {
    List<Range> sorted = new ArrayList<>();
    parts.forEach(part -> sorted.addAll(part.ranges));
    sorted.sort(Comparator.comparing(Range::from));
    List<Range> joined = new ArrayList<>();
    for (Range next : sorted) {
      Range last = joined.isEmpty() ? null : joined.getLast();
      if (last != null && next.from.isAtOrBefore(last.to)) {
        joined.set(joined.size() - 1, new Range(last.from, Lsn.max(last.to, next.to)));
      } else {
        joined.add(next);
      }
    }
    return new LsnRanges(joined);
  }

  /**
   * What is read of an ancestor, where a branch begins at {@code max}, if these are of the branch.
   */
  public LsnRanges cappedAt(Lsn max) {
    List<Range> capped = new ArrayList<>();
    for (Range range : ranges) {
      if (range.from.isAtOrAfter(max)) {
        capped.add(new Range(max, max));
        break;
      }
      capped.add(new Range(range.from, Lsn.min(range.to, max)));
    }
    return union(List.of(new LsnRanges(capped)));
  }

  /** The first of them that is not before an LSN. */
  public Optional<Lsn> firstAtOrAfter(Lsn lsn) {
    int low = 0;
    int high = ranges.size();
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (ranges.get(middle).to.isBefore(lsn)) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low == ranges.size()
        ? Optional.empty()
        : Optional.of(Lsn.max(lsn, ranges.get(low).from));
  }

  @Override
  public String toString() {
    return ranges.toString();
  }
}
