package io.coppice.safekeeper.sim;

import java.util.EnumMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.ObjLongConsumer;

/** What was seen in some schedules: a simulation that sees nothing proves nothing. */
final class Coverage {
  /** Schedules with at least so many committed records count as busy. */
  static final int BUSY_RECORDS = 100;

  private static final String SCHEDULES = "schedules";
  private static final String BUSY_SCHEDULES = "busy schedules";
  private static final String EVENTS = "events";
  private static final String RECORDS = "records";
  private static final String FAULT = "fault ";
  private static final String MARK = "mark ";

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
    other.forEach(this::add);
  }

  /** Every count by its name, as {@link #add(String, long)} takes them. */
  void forEach(ObjLongConsumer<String> consumer) {
    consumer.accept(SCHEDULES, schedules);
    consumer.accept(BUSY_SCHEDULES, busySchedules);
    consumer.accept(EVENTS, events);
    consumer.accept(RECORDS, records);
    faults.forEach((kind, count) -> consumer.accept(FAULT + kind, count));
    marks.forEach((what, count) -> consumer.accept(MARK + what, count));
  }

  /**
   * Adds one count of another.
   *
   * @throws IllegalArgumentException if there is no count of that name
   */
  void add(String name, long count) {
    switch (name) {
      case SCHEDULES -> schedules += count;
      case BUSY_SCHEDULES -> busySchedules += count;
      case EVENTS -> events += count;
      case RECORDS -> records += count;
      default -> {
        if (name.startsWith(MARK)) {
          marks.merge(name.substring(MARK.length()), count, Long::sum);
        } else if (name.startsWith(FAULT)) {
          faults.merge(FaultKind.valueOf(name.substring(FAULT.length())), count, Long::sum);
        } else {
          throw new IllegalArgumentException("not a count: " + name);
        }
      }
    }
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
