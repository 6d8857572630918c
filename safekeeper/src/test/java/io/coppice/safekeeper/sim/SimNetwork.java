package io.coppice.safekeeper.sim;

import io.coppice.safekeeper.consensus.Reply;
import io.coppice.safekeeper.consensus.Request;
import java.util.random.RandomGenerator;

/**
 * Connections between computes and safekeepers. Within one, messages keep their order, unless the
 * fault is that they do not.
 */
final class SimNetwork {
  private static final int LATENCY_MICROS_MIN = 40;
  private static final int LATENCY_MICROS_SPREAD = 160;
  private static final int LONG_DELAY_FACTOR = 100;
  private static final int LOSS_NOTICED_MICROS_MIN = 2_000;
  private static final int LOSS_NOTICED_MICROS_SPREAD = 10_000;

  /** One connection. */
  static final class Session {
    final SimCompute compute;
    final int member;
    private boolean open = true;
    private boolean stale;
    private long requestsArrive;
    private long repliesArrive;

    /** Of the newest vote request or election; kept by the safekeeper. */
    long term;

    int generation;

    Session(SimCompute compute, int member) {
      this.compute = compute;
      this.member = member;
    }

    void entered(long newTerm, int newGeneration) {
      term = newTerm;
      generation = newGeneration;
    }
  }

  private final World world;
  private final RandomGenerator random;

  /** Until when messages from a compute's side to a safekeeper are lost, and the other way. */
  private final long[] requestsLostUntil;

  private final long[] repliesLostUntil;

  SimNetwork(World world) {
    this.world = world;
    this.random = world.randoms.of("network");
    this.requestsLostUntil = new long[3];
    this.repliesLostUntil = new long[3];
  }

  void partition(int member, boolean requests, boolean replies, long micros) {
    if (requests) {
      requestsLostUntil[member] = world.nowMicros() + micros;
    }
    if (replies) {
      repliesLostUntil[member] = world.nowMicros() + micros;
    }
  }

  void send(Session session, Request request) {
    if (!session.open) {
      return;
    }
    if (isLost(session, requestsLostUntil)) {
      return;
    }
    long arrival = arrival(session.requestsArrive);
    session.requestsArrive = Math.max(session.requestsArrive, arrival);
    int disk = world.safekeepers.get(session.member).disksHad();
    deliverAt(arrival, () -> deliver(session, request, disk));
    if (world.faults.strikes(FaultKind.DUPLICATE, 10_000)) {
      deliverAt(arrival(arrival), () -> deliver(session, request, disk));
    }
  }

  void reply(Session session, Reply reply) {
    if (!session.open) {
      return;
    }
    if (isLost(session, repliesLostUntil)) {
      return;
    }
    long arrival = arrival(session.repliesArrive);
    session.repliesArrive = Math.max(session.repliesArrive, arrival);
    deliverAt(arrival, () -> answer(session, reply));
    if (world.faults.strikes(FaultKind.DUPLICATE, 10_000)) {
      deliverAt(arrival(arrival), () -> answer(session, reply));
    }
  }

  /** A connection that has lost a message is of no use; after a while its ends notice. */
  private boolean isLost(Session session, long[] lostUntil) {
    boolean lost =
        world.nowMicros() < lostUntil[session.member]
            || world.faults.strikes(FaultKind.DROP, 5_000);
    if (lost) {
      world.later(
          LOSS_NOTICED_MICROS_MIN + random.nextInt(LOSS_NOTICED_MICROS_SPREAD),
          () -> close(session, false));
    }
    return lost;
  }

  private long arrival(long after) {
    long latency = (long) LATENCY_MICROS_MIN + random.nextInt(LATENCY_MICROS_SPREAD);
    if (world.faults.strikes(FaultKind.LONG_DELAY, 5_000)) {
      latency *= LONG_DELAY_FACTOR;
    }
    long arrival = world.nowMicros() + latency;
    if (arrival > after || world.faults.strikes(FaultKind.REORDER, 50_000)) {
      return arrival;
    }
    return after + 1;
  }

  private void deliverAt(long time, Runnable delivery) {
    world.later(time - world.nowMicros(), delivery);
  }

  private void deliver(Session session, Request request, int disk) {
    SimSafekeeper to = world.safekeepers.get(session.member);
    if (to.disksHad() != disk) {
      close(session, false); // nobody has a connection to a machine that was replaced
    } else if (session.open || session.stale) {
      to.receive(session, request);
    }
  }

  private void answer(Session session, Reply reply) {
    if (session.open) {
      session.compute.receive(session, reply);
    }
  }

  /**
   * Ends a connection; both ends come to know.
   *
   * @param staleRequests whether requests on their way still arrive
   */
  void close(Session session, boolean staleRequests) {
    if (!session.open) {
      return;
    }
    session.open = false;
    session.stale = staleRequests;
    world.later(LATENCY_MICROS_MIN, () -> session.compute.disconnected(session));
  }
}
