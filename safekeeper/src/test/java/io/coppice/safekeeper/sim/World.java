package io.coppice.safekeeper.sim;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import io.coppice.common.id.WalStart;
import io.coppice.postgres.version.PostgresVersion;
import io.coppice.safekeeper.consensus.AcceptorState;
import io.coppice.safekeeper.consensus.NodeId;
import io.coppice.safekeeper.consensus.TimelineProperties;
import io.coppice.testsupport.Randoms;
import java.util.ArrayList;
import java.util.List;
import java.util.PriorityQueue;
import java.util.random.RandomGenerator;

/**
 * Virtual time, and all that lives in it. First chaos, in which only safety counts; then all faults
 * end, and something new must be committed.
 */
final class World {
  static final PostgresVersion VERSION = version();
  private static final int POSTGRES_MAJOR = 15;
  static final long SYSTEM_ID = 7_000_000_000_000_000_042L;
  static final int SEGMENT_SIZE_BYTES = 32 * 1024;
  private static final int SAFEKEEPERS = 3;
  private static final int CHAOS_EVENTS_MIN = 500;
  private static final int CHAOS_EVENTS_SPREAD = 3_400;
  private static final int PEACE_EVENTS_MAX = 4_000;
  private static final int PEACE_RECORDS = 5;

  private static PostgresVersion version() {
    try {
      return PostgresVersion.ofMajor(POSTGRES_MAJOR);
    } catch (StorageException.Unsupported impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  private record Event(long time, long sequence, Runnable action) implements Comparable<Event> {
    @Override
    public int compareTo(Event other) {
      return time != other.time
          ? Long.compare(time, other.time)
          : Long.compare(sequence, other.sequence);
    }
  }

  final Randoms randoms;
  final Trace trace;
  final Coverage coverage;
  final FaultPlan faults;
  final TimelineProperties properties;
  final SafetyOracle oracle;
  final SimNetwork network;
  final SimObjectStore store;
  final SimPageServer pageServer;
  final List<SimSafekeeper> safekeepers = new ArrayList<>();
  final Trouble trouble;

  /** As the page server keeps it. */
  WalStart walStart = WalStart.NONE;

  private final PriorityQueue<Event> events = new PriorityQueue<>();
  private long nowMicros;
  private long sequence;
  private long eventsRun;
  private long hash;

  World(Schedule schedule, Coverage coverage) {
    this.randoms = new Randoms(schedule.seed());
    this.trace = new Trace(schedule.trace(), () -> nowMicros);
    this.coverage = coverage;
    this.faults = new FaultPlan(schedule, randoms, coverage, trace);
    this.properties =
        new TimelineProperties(
            new TenantTimelineId(new TenantId(1, 1), new TimelineId(2, 2)),
            POSTGRES_MAJOR,
            SYSTEM_ID,
            SEGMENT_SIZE_BYTES,
            startLsn(randoms.of("start")));
    this.oracle = new SafetyOracle(this);
    this.network = new SimNetwork(this);
    this.store = new SimObjectStore(this);
    this.pageServer = new SimPageServer(this);
    for (int i = 0; i < SAFEKEEPERS; i++) {
      safekeepers.add(new SimSafekeeper(this, i, new NodeId(i + 1)));
    }
    this.trouble = new Trouble(this);
  }

  /** The timeline, as made in one of the attempts to. */
  TimelineProperties propertiesOf(int creation) {
    return new TimelineProperties(
        properties.id(),
        properties.postgresMajor(),
        properties.systemId(),
        properties.walSegmentSizeBytes(),
        properties.startLsn(),
        creation);
  }

  /** Whether that safekeeper has the timeline that counts, or is to count next. */
  boolean isOfNewestCreation(AcceptorState state) {
    int newest = walStart.isStarted() ? walStart.started() : walStart.attempts();
    return state.properties().creation() == newest;
  }

  /** Often so near to the end of a segment that the log soon runs into the next. */
  private static Lsn startLsn(RandomGenerator random) {
    long segment = 20L + random.nextInt(10);
    long left = random.nextBoolean() ? 512L * (1 + random.nextInt(60)) : SEGMENT_SIZE_BYTES / 2;
    return new Lsn(segment * SEGMENT_SIZE_BYTES - left + 64);
  }

  long nowMicros() {
    return nowMicros;
  }

  long hash() {
    return hash;
  }

  /** Makes {@code fact} part of what this run is told apart by. */
  void mix(long fact) {
    hash = (hash ^ fact) * 0x9E3779B97F4A7C15L;
    hash ^= hash >>> 32;
  }

  void later(long delayMicros, Runnable action) {
    events.add(new Event(nowMicros + Math.max(1, delayMicros), sequence++, action));
  }

  void run() {
    safekeepers.forEach(SimSafekeeper::start);
    trouble.begin();
    pageServer.tick();
    int chaos = chaosEvents(randoms.of("length"));
    for (int i = 0; i < chaos; i++) {
      step();
    }
    trace.add("peace");
    faults.calm();
    trouble.end();
    int before = oracle.committedRecords();
    for (int i = 0; oracle.committedRecords() < before + PEACE_RECORDS; i++) {
      if (i == PEACE_EVENTS_MAX) {
        throw new Violation("no progress in peace: " + trouble);
      }
      step();
    }
    oracle.checkAll();
    coverage.finished(eventsRun, oracle.committedRecords());
  }

  /** Most faults show themselves soon; the fewer long ones are for what needs many in a row. */
  private static int chaosEvents(RandomGenerator random) {
    double share = random.nextDouble();
    return CHAOS_EVENTS_MIN + (int) (CHAOS_EVENTS_SPREAD * share * share);
  }

  private void step() {
    Event event = events.remove();
    nowMicros = event.time;
    eventsRun++;
    mix(event.time);
    event.action.run();
  }
}
