package io.coppice.safekeeper.sim;

import java.util.EnumMap;
import java.util.Map;
import java.util.TreeMap;

/** What was seen in some schedules: a simulation that sees nothing proves nothing. */
final class Coverage {
  /** Schedules with at least so many committed records count as busy. */
  static final int BUSY_RECORDS = 100;

  private final Map<FaultKind, Long> faults = new EnumMap<>(FaultKind.class);
  private final Map<String, Long> marks = new TreeMap<>();
  private long schedules;
  private long busySchedules;
  private long events;
  private long records;

  void struck(FaultKind kind) {
    faults.merge(kind, 1L, Long::sum);
  }

  /** Something that must be seen sometimes. */
  void mark(String what) {
    marks.merge(what, 1L, Long::sum);
  }

  void finished(long eventsSeen, int recordsCommitted) {
    schedules++;
    events += eventsSeen;
    records += recordsCommitted;
    if (recordsCommitted >= BUSY_RECORDS) {
      busySchedules++;
    }
  }

  void add(Coverage other) {
    other.faults.forEach((kind, count) -> faults.merge(kind, count, Long::sum));
    other.marks.forEach((what, count) -> marks.merge(what, count, Long::sum));
    schedules += other.schedules;
    busySchedules += other.busySchedules;
    events += other.events;
    records += other.records;
  }

  long schedules() {
    return schedules;
  }

  long busySchedules() {
    return busySchedules;
  }

  long events() {
    return events;
  }

  long faults(FaultKind kind) {
    return faults.getOrDefault(kind, 0L);
  }

  long marks(String what) {
    return marks.getOrDefault(what, 0L);
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    text.append(
        "%,d schedules (%,d of them with %d committed records or more), %,d events, %,d records%n"
            .formatted(schedules, busySchedules, BUSY_RECORDS, events, records));
    faults.forEach((kind, count) -> text.append("  %-44s %,12d%n".formatted(kind, count)));
    marks.forEach((what, count) -> text.append("  %-44s %,12d%n".formatted(what, count)));
    return text.toString();
  }
}
