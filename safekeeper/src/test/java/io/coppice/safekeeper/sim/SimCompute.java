package io.coppice.safekeeper.sim;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.safekeeper.consensus.Proposer;
import io.coppice.safekeeper.consensus.Reply;
import io.coppice.safekeeper.consensus.Request;
import io.coppice.safekeeper.sim.SimNetwork.Session;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Queue;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/**
 * A compute: the production proposer, beside a Postgres that makes up records from where its
 * proposer was elected. It lives until it is killed, or fenced.
 */
final class SimCompute {
  private static final int RECONNECT_MICROS_MIN = 1_000;
  private static final int RECONNECT_MICROS_SPREAD = 4_000;
  private static final int CAMPAIGN_MICROS_MIN = 2_000;
  private static final int CAMPAIGN_MICROS_SPREAD = 6_000;
  private static final int PRODUCE_MICROS_SPREAD = 300;
  private static final int COMMIT_NEWS_MICROS = 300;
  private static final int UNCOMMITTED_SIZE_BYTES_MAX = 64 * 1024;
  private static final int UNACKNOWLEDGED_SIZE_BYTES_MAX = 64 * 1024;
  private static final int FETCH_SIZE_BYTES_MAX = 16 * 1024;
  private static final int ELECTION_MICROS_MAX = 60_000;
  private static final int START_WAL_MICROS_MIN = 200;
  private static final int START_WAL_MICROS_SPREAD = 2_000;
  private static final int FETCH_MICROS = 150;

  private record Answer(Session session, Reply reply) {}

  final int number;

  /** Of the timeline: handed out by the page server. */
  final int creation;

  private final World world;
  private final RandomGenerator random;
  private final Proposer proposer;
  private final @Nullable Session[] sessions;
  private final boolean[] fetching;
  private final Queue<Answer> postponed = new ArrayDeque<>();
  private @Nullable SimPostgres postgres;
  private boolean over;
  private long pausedUntil;
  private boolean newsScheduled;

  /** Told safekeepers to make the timeline, and has not told the page server yet that it began. */
  private boolean creates;

  private boolean startAsked;
  private boolean mayProduce;

  SimCompute(World world, int number) {
    this.world = world;
    this.number = number;
    this.random = world.randoms.of("compute " + number);
    int members = world.safekeepers.size();
    this.sessions = new Session[members];
    this.fetching = new boolean[members];
    creates = !world.walStart.isStarted();
    if (creates) {
      world.walStart = world.walStart.next();
    }
    this.creation = creates ? world.walStart.attempts() : world.walStart.started();
    this.proposer = new Proposer(world.propertiesOf(creation), 0, members, this::send);
  }

  void start() {
    world.trace.add("compute %d starts%s", number, creates ? " and creates" : "");
    if (creates) {
      proposer.startCreating();
    }
    for (int i = 0; i < sessions.length; i++) {
      connect(i);
    }
    campaignLater();
  }

  boolean isOver() {
    return over;
  }

  boolean isPaused() {
    return world.nowMicros() < pausedUntil;
  }

  Proposer proposer() {
    return proposer;
  }

  /** The records this compute has made; empty before it leads. */
  Optional<SimPostgres> postgres() {
    return Optional.ofNullable(postgres);
  }

  /** Ends without a word. What is on its way still arrives. */
  void kill() {
    world.trace.add("compute %d is killed", number);
    over = true;
    for (Session session : sessions) {
      if (session != null) {
        world.later(1 + random.nextInt(20_000), () -> world.network.close(session, true));
      }
    }
  }

  void pause(long micros) {
    pausedUntil = world.nowMicros() + micros;
    world.later(micros, this::wakeUp);
  }

  private void wakeUp() {
    while (!over && !isPaused() && !postponed.isEmpty()) {
      Answer answer = postponed.remove();
      handle(answer.session, answer.reply);
    }
  }

  /** Runs {@code action} unless this compute is over by then, and not while it stands still. */
  private void later(long micros, Runnable action) {
    world.later(
        micros,
        () -> {
          if (over) {
            return;
          }
          if (isPaused()) {
            later(pausedUntil - world.nowMicros(), action);
          } else {
            action.run();
          }
        });
  }

  private void connect(int member) {
    sessions[member] = new Session(this, member);
    proposer.connected(member);
  }

  void disconnected(Session session) {
    int member = session.member;
    if (over || sessions[member] != session) {
      return;
    }
    sessions[member] = null;
    fetching[member] = false;
    proposer.disconnected(member);
    later(
        RECONNECT_MICROS_MIN + random.nextInt(RECONNECT_MICROS_SPREAD),
        () -> {
          if (sessions[member] == null) {
            connect(member);
          }
        });
  }

  void breakConnection(int member, boolean staleRequests) {
    Session session = sessions[member];
    if (session != null) {
      world.network.close(session, staleRequests);
    }
  }

  private void send(int member, Request request) {
    Session session = sessions[member];
    if (session != null) {
      world.network.send(session, request);
    }
  }

  private void campaignLater() {
    later(
        CAMPAIGN_MICROS_MIN + random.nextInt(CAMPAIGN_MICROS_SPREAD),
        () -> {
          if (!proposer.isLeading() && proposer.fencedBy().isEmpty()) {
            proposer.campaign();
          }
          campaignLater();
        });
  }

  void receive(Session session, Reply reply) {
    if (over) {
      return;
    }
    if (isPaused()) {
      postponed.add(new Answer(session, reply));
    } else {
      handle(session, reply);
    }
  }

  private void handle(Session session, Reply reply) {
    if (sessions[session.member] != session) {
      return;
    }
    boolean wasLeading = proposer.isLeading();
    Lsn commitBefore = proposer.commitLsn();
    try {
      proposer.handle(session.member, reply);
    } catch (StorageException.Transient refused) {
      world.network.close(session, false);
    } catch (StorageException lost) {
      throw new Violation("compute %d".formatted(number), lost);
    }
    if (proposer.fencedBy().isPresent()) {
      world.trace.add("compute %d is fenced: %s", number, proposer);
      world.coverage.mark("fenced");
      kill();
      return;
    }
    if (proposer.isLeading()) {
      if (!wasLeading) {
        elected();
      }
      if (proposer.commitLsn().isAfter(commitBefore)) {
        world.oracle.committed(this);
        newsLater();
      }
      for (int i = 0; i < sessions.length; i++) {
        pump(i);
      }
    }
  }

  private void elected() {
    world.trace.add("compute %d is elected: %s", number, proposer);
    world.oracle.elected(this);
    SimPostgres before = postgres;
    if (before != null) {
      world.coverage.mark("elected again in a new generation");
    }
    if (before == null || !before.hasRecords()) {
      postgres = new SimPostgres(world, this, random);
    }
    if (before != null) {
      return;
    }
    later(1, this::produce);
    later(
        ELECTION_MICROS_MAX,
        () -> {
          if (!mayProduce) {
            kill(); // an endpoint's start that takes too long fails, and is tried again
          }
        });
  }

  /** Before Postgres is started, the page server is told that WAL begins. */
  private void startWal() {
    if (!creates) {
      mayProduce = true;
      return;
    }
    proposer.stopCreating();
    later(
        START_WAL_MICROS_MIN + random.nextInt(START_WAL_MICROS_SPREAD),
        () -> {
          for (int i = 0; i < sessions.length; i++) {
            if (proposer.awaitsGreeting(i)) {
              breakConnection(i, false);
            }
          }
          try {
            world.walStart = world.walStart.start(creation);
            creates = false;
            mayProduce = true;
          } catch (StorageException.Conflict another) {
            world.trace.add("compute %d: %s".formatted(number, another.getMessage()));
            world.coverage.mark("began before another that was not started yet");
            kill();
          }
        });
  }

  /** A client commits, once the start of this term is committed. */
  private void produce() {
    SimPostgres running = postgres;
    if (running == null) {
      return;
    }
    if (proposer.isStartCommitted() && !startAsked) {
      startAsked = true;
      startWal();
    }
    boolean room =
        mayProduce
            && proposer.isLeading()
            && running.end().minus(Lsn.max(proposer.commitLsn(), proposer.startLsn()))
                < UNCOMMITTED_SIZE_BYTES_MAX;
    if (room && running.makeRecords()) {
      proposer.extended(running.end());
      for (int i = 0; i < sessions.length; i++) {
        pump(i);
      }
    }
    later(1 + random.nextInt(PRODUCE_MICROS_SPREAD), this::produce);
  }

  private void pump(int member) {
    SimPostgres running = postgres;
    while (running != null && sessions[member] != null) {
      Optional<Lsn> next = proposer.nextLsn(member);
      if (next.isEmpty()) {
        return;
      }
      if (next.get().isBefore(running.begin())) {
        fetch(member, next.get());
        return;
      }
      Lsn acknowledged = Lsn.max(proposer.flushLsn(member), running.begin());
      boolean enough =
          next.get().isAfter(acknowledged)
              && next.get().minus(acknowledged) > UNACKNOWLEDGED_SIZE_BYTES_MAX;
      int limit = random.nextInt(8) == 0 ? 1 + random.nextInt(100) : 8 * 1024;
      byte[] data = running.read(next.get(), limit);
      if (enough || data.length == 0) {
        return;
      }
      send(member, proposer.append(member, ByteBuffer.wrap(data)));
    }
  }

  /** WAL from before this compute comes from a safekeeper that has it. */
  private void fetch(int member, Lsn from) {
    if (fetching[member]) {
      return;
    }
    OptionalInt donor = proposer.donor(from);
    if (donor.isEmpty()) {
      return;
    }
    fetching[member] = true;
    long term = proposer.term();
    SimSafekeeper source = world.safekeepers.get(donor.getAsInt());
    world.later(
        FETCH_MICROS,
        () -> {
          Optional<byte[]> piece = source.readFlushed(term, from, FETCH_SIZE_BYTES_MAX);
          later(FETCH_MICROS, () -> fetched(member, from, piece));
        });
  }

  private void fetched(int member, Lsn from, Optional<byte[]> piece) {
    SimPostgres running = postgres;
    fetching[member] = false;
    boolean wanted = proposer.isLeading() && proposer.nextLsn(member).equals(Optional.of(from));
    if (wanted && running != null && piece.isPresent()) {
      world.coverage.mark("fed from another safekeeper");
      int length = (int) Math.min(piece.get().length, running.begin().minus(from));
      byte[] data = Arrays.copyOf(piece.get(), length);
      send(member, proposer.append(member, ByteBuffer.wrap(data)));
    }
    pump(member);
  }

  /** Safekeepers are told of commits even when there is no WAL to carry the news. */
  private void newsLater() {
    if (newsScheduled) {
      return;
    }
    newsScheduled = true;
    later(
        COMMIT_NEWS_MICROS,
        () -> {
          newsScheduled = false;
          for (int i = 0; i < sessions.length; i++) {
            if (proposer.isLeading()
                && sessions[i] != null
                && proposer.nextLsn(i).isPresent()
                && proposer.knownCommitLsn(i).isBefore(proposer.commitLsn())) {
              send(i, proposer.append(i, ByteBuffer.allocate(0)));
            }
          }
        });
  }

  @Override
  public String toString() {
    return "compute %d%s%s %s"
        .formatted(number, over ? " (over)" : "", isPaused() ? " (paused)" : "", proposer);
  }
}
