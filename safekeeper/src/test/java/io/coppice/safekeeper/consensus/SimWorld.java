package io.coppice.safekeeper.consensus;

import static org.assertj.core.api.Assertions.assertThat;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.id.TenantId;
import io.coppice.common.id.TenantTimelineId;
import io.coppice.common.id.TimelineId;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.SplittableRandom;

/**
 * A whole cluster in one thread, driven by a seed: acceptors that crash and lose what was not
 * synced, competing proposers, and a network that delays, reorders, drops and repeats. After every
 * event the invariants are checked.
 */
final class SimWorld {
  static final String NO_PROGRESS = "progress once all is well";

  private record Event(long time, long sequence, Runnable action) {}

  final TimelineProperties properties =
      new TimelineProperties(
          new TenantTimelineId(new TenantId(1, 1), new TimelineId(2, 2)),
          15,
          42,
          1 << 24,
          SimDisk.START);
  final List<SimAcceptor> acceptors = new ArrayList<>();

  private final SplittableRandom random;
  private final Mutant mutant;
  private final PriorityQueue<Event> events =
      new PriorityQueue<>((a, b) ->
          a.time != b.time ? Long.compare(a.time, b.time) : Long.compare(a.sequence, b.sequence));
  private final List<SimProposer> proposers = new ArrayList<>();
  private final Map<Long, Integer> electedInTerm = new HashMap<>();
  private final Map<Integer, Lsn> commitSeen = new HashMap<>();
  private long time;
  private long sequence;
  private long lastSession;
  private int proposersMade;

  /** What was ever committed, byte for byte. */
  private byte[] reference = new byte[0];

  private boolean calm;
  private final double dropChance;
  private final double repeatChance;
  private final int delayMax;

  int elections;
  int crashes;
  int cuts;

  SimWorld(long seed, Mutant mutant) {
    this.random = new SplittableRandom(seed);
    this.mutant = mutant;
    for (int i = 0; i < 3; i++) {
      acceptors.add(new SimAcceptor(new NodeId(i + 1), properties, random.split(), mutant));
    }
    dropChance = random.nextBoolean() ? 0 : random.nextDouble() * 0.1;
    repeatChance = random.nextBoolean() ? 0 : random.nextDouble() * 0.1;
    delayMax = 1 + random.nextInt(60);
    double crashChance = random.nextInt(3) == 0 ? 0 : random.nextDouble() * 0.01;
    acceptors.forEach(acceptor -> acceptor.disk().setCrashChance(crashChance));
  }

  int committedBytes() {
    return reference.length;
  }

  /** Trouble first, then peace, in which something new must be committed. */
  void run(int troubleSteps, int peaceSteps) {
    later(1, this::step);
    runUntil(troubleSteps);
    calm = true;
    for (SimProposer proposer : proposers) {
      for (int i = 0; i < acceptors.size(); i++) {
        disconnect(proposer, i); // a conversation that lost a message goes on waiting for it
      }
    }
    acceptors.forEach(acceptor -> acceptor.disk().setCrashChance(0));
    int before = reference.length;
    runUntil(peaceSteps);
    assertThat(reference.length).as(NO_PROGRESS).isGreaterThan(before);
  }

  private void runUntil(int steps) {
    for (int i = 0; i < steps; i++) {
      Event event = events.remove();
      time = event.time;
      event.action.run();
      check();
    }
  }

  private void later(long delay, Runnable action) {
    events.add(new Event(time + delay, sequence++, action));
  }

  /** What happens by itself, again and again. */
  private void step() {
    later(1 + random.nextInt(3), this::step);
    int dice = random.nextInt(1_000);
    for (SimAcceptor acceptor : acceptors) {
      if (!acceptor.isUp() && (calm || random.nextInt(40) == 0)) {
        acceptor.start();
      }
    }
    if (!calm && dice < 4) {
      crash(random.nextInt(acceptors.size()));
    } else if (!calm && dice < 8 && !proposers.isEmpty()) {
      proposers.remove(random.nextInt(proposers.size()));
    } else if (!calm && dice < 14 && !proposers.isEmpty()) {
      SimProposer unlucky = proposers.get(random.nextInt(proposers.size()));
      disconnect(unlucky, random.nextInt(acceptors.size()));
    } else if (proposers.isEmpty() || (!calm && dice < 20 && proposers.size() < 3)) {
      proposers.add(new SimProposer(proposersMade++, this, random.split(), mutant));
    } else {
      proposers.removeIf(SimProposer::isOver);
      if (calm && proposers.size() > 1) {
        proposers.removeFirst();
      }
      if (!proposers.isEmpty()) {
        proposers.get(random.nextInt(proposers.size())).act();
      }
    }
  }

  private void crash(int node) {
    if (acceptors.get(node).isUp()) {
      acceptors.get(node).crash();
      commitSeen.remove(node);
      crashes++;
      for (SimProposer proposer : proposers) {
        disconnect(proposer, node);
      }
    }
  }

  boolean isFollowing(int node, long term) {
    return acceptors.get(node).isUp() && acceptors.get(node).acceptor().isFollowing(term);
  }

  void connect(SimProposer from, int to) {
    from.sessions[to] = ++lastSession;
    from.proposer.connected(to);
  }

  private void disconnect(SimProposer from, int to) {
    if (from.sessions[to] != 0) {
      from.sessions[to] = 0;
      from.proposer.disconnected(to);
    }
  }

  void send(SimProposer from, int to, Request request) {
    long session = from.sessions[to];
    transmit(() -> deliver(from, to, session, request));
  }

  private void transmit(Runnable delivery) {
    if (!calm && random.nextDouble() < dropChance) {
      return;
    }
    later(delay(), delivery);
    if (!calm && random.nextDouble() < repeatChance) {
      later(delay(), delivery);
    }
  }

  private long delay() {
    return calm ? 1 : 1 + random.nextInt(delayMax);
  }

  private void deliver(SimProposer from, int to, long session, Request request) {
    SimAcceptor acceptor = acceptors.get(to);
    if (!acceptor.isUp()) {
      hangUp(from, to, session);
      return;
    }
    Lsn before = acceptor.acceptor().flushLsn();
    try {
      Optional<Reply> reply = acceptor.handle(request);
      if (request instanceof Request.Elected && acceptor.acceptor().flushLsn().isBefore(before)) {
        cuts++;
      }
      reply.ifPresent(answer -> transmit(() -> answer(from, to, session, answer)));
      if (random.nextInt(3) == 0) {
        acceptor
            .acceptor()
            .flush()
            .ifPresent(answer -> transmit(() -> answer(from, to, session, answer)));
      }
    } catch (StorageException refused) {
      hangUp(from, to, session);
    } catch (SimDisk.PowerLost _) {
      crash(to);
    } catch (DiskFailure failure) {
      throw new AssertionError(failure);
    }
  }

  private void hangUp(SimProposer from, int to, long session) {
    later(
        delay(),
        () -> {
          if (from.sessions[to] == session) {
            disconnect(from, to);
          }
        });
  }

  private void answer(SimProposer to, int from, long session, Reply reply) {
    if (to.sessions[from] != session || !proposers.contains(to)) {
      return;
    }
    boolean wasLeading = to.proposer.isLeading();
    try {
      to.proposer.handle(from, reply);
    } catch (StorageException.Transient refused) {
      disconnect(to, from);
    } catch (StorageException lost) {
      throw new AssertionError(lost);
    }
    if (to.proposer.isLeading() && !wasLeading) {
      elected(to);
    }
    if (to.proposer.isLeading()) {
      committed(to);
    }
  }

  private void elected(SimProposer leader) {
    elections++;
    Integer other = electedInTerm.put(leader.proposer.term(), leader.number);
    assertThat(other).as("another proposer of term %d", leader.proposer.term()).isNull();
    assertThat(SimDisk.offset(leader.proposer.startLsn()))
        .as("log of a new proposer against what is committed")
        .isGreaterThanOrEqualTo(reference.length);
  }

  private void committed(SimProposer leader) {
    Lsn commitLsn = leader.proposer.commitLsn();
    if (!commitLsn.isValid() || SimDisk.offset(commitLsn) <= reference.length) {
      return;
    }
    int holders = 0;
    byte[] bytes = reference;
    for (SimAcceptor acceptor : acceptors) {
      if (acceptor.isUp()
          && acceptor.acceptor().isFollowing(leader.proposer.term())
          && acceptor.acceptor().flushLsn().isAtOrAfter(commitLsn)) {
        bytes = acceptor.durable(commitLsn);
        holders++;
      }
    }
    if (holders > 0) {
      assertThat(Arrays.copyOf(bytes, reference.length))
          .as("committed WAL is only ever added to")
          .isEqualTo(reference);
      reference = bytes;
    }
  }

  private void check() {
    for (int i = 0; i < acceptors.size(); i++) {
      SimAcceptor acceptor = acceptors.get(i);
      if (!acceptor.isUp()) {
        continue;
      }
      Acceptor own = acceptor.acceptor();
      assertThat(own.commitLsn())
          .as("commit LSN of node %d", i + 1)
          .isGreaterThanOrEqualTo(commitSeen.getOrDefault(i, Lsn.INVALID))
          .isLessThanOrEqualTo(own.flushLsn());
      commitSeen.put(i, own.commitLsn());
      int known = Math.min(reference.length, SimDisk.offset(own.commitLsn()));
      assertThat(Arrays.mismatch(acceptor.disk().durable(), 0, known, reference, 0, known))
          .as("committed WAL on node %d", i + 1)
          .isNegative();
      for (int j = 0; j < i; j++) {
        checkMatch(acceptor, acceptors.get(j));
      }
    }
  }

  /** Where two histories share an entry, the logs hold the same bytes. */
  private static void checkMatch(SimAcceptor one, SimAcceptor other) {
    if (!other.isUp()) {
      return;
    }
    TermHistory history = one.acceptor().state().history();
    TermHistory theirs = other.acceptor().state().history();
    if (history.isEmpty() || theirs.isEmpty()) {
      return;
    }
    Lsn common =
        Lsn.min(
            one.acceptor().flushLsn(), history.commonPoint(theirs, other.acceptor().flushLsn()));
    int length = Math.max(0, SimDisk.offset(common));
    assertThat(Arrays.mismatch(one.disk().durable(), 0, length, other.disk().durable(), 0, length))
        .as("logs of equal history")
        .isNegative();
  }
}
