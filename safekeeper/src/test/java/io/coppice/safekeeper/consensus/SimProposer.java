package io.coppice.safekeeper.consensus;

import io.coppice.common.id.Lsn;
import java.nio.ByteBuffer;
import java.util.Comparator;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.random.RandomGenerator;

/** A proposer of the simulation: the real state machine, and a Postgres that makes up records. */
final class SimProposer {
  final int number;
  final Proposer proposer;

  /** Current conversation with each acceptor; 0 if there is none. */
  final long[] sessions;

  private final SimWorld world;
  private final RandomGenerator random;
  private final byte[] log = new byte[SimDisk.SIZE_BYTES];
  private int logEnd = -1;

  SimProposer(int number, SimWorld world, RandomGenerator random, Mutant mutant) {
    this.number = number;
    this.world = world;
    this.random = random;
    this.sessions = new long[world.acceptors.size()];
    Proposer.Outbox outbox = (member, request) -> world.send(this, member, request);
    this.proposer =
        new Proposer(world.properties, 0, world.acceptors.size(), outbox) {
          @Override
          boolean mayCommit(Lsn byQuorum, Lsn startLsn) {
            return mutant == Mutant.COMMITS_EARLIER_TERMS_ALONE
                ? byQuorum.isValid()
                : super.mayCommit(byQuorum, startLsn);
          }

          @Override
          Comparator<Reply.Vote> logOrder() {
            return mutant == Mutant.ELECTS_BY_LENGTH_ALONE
                ? Comparator.comparing(Reply.Vote::flushLsn)
                : super.logOrder();
          }
        };
  }

  boolean isOver() {
    return proposer.fencedBy().isPresent();
  }

  /** Does one of the things that a proposer does by itself. */
  void act() {
    int member = random.nextInt(sessions.length);
    if (sessions[member] == 0) {
      world.connect(this, member);
    } else if (!proposer.isLeading()) {
      if (random.nextInt(6) == 0) {
        proposer.campaign();
      }
    } else if (random.nextInt(3) == 0) {
      makeRecord();
    } else {
      feed(member);
    }
  }

  private void makeRecord() {
    if (logEnd < 0) {
      logEnd = SimDisk.offset(proposer.startLsn());
    }
    byte[] record = SimRecords.random(random, logEnd);
    if (logEnd + record.length > SimDisk.SIZE_BYTES) {
      return;
    }
    System.arraycopy(record, 0, log, logEnd, record.length);
    logEnd += record.length;
    proposer.extended(SimDisk.START.plus(logEnd));
  }

  private void feed(int member) {
    Optional<Lsn> next = proposer.nextLsn(member);
    if (next.isEmpty()) {
      return;
    }
    int from = SimDisk.offset(next.get());
    int start = SimDisk.offset(proposer.startLsn());
    byte[] source = log;
    int limit = Math.max(logEnd, start);
    if (from < start) {
      OptionalInt donor = proposer.donor(next.get());
      if (donor.isEmpty() || !world.isFollowing(donor.getAsInt(), proposer.term())) {
        return;
      }
      SimAcceptor from2 = world.acceptors.get(donor.getAsInt());
      source = from2.disk().durable();
      limit = Math.min(start, SimDisk.offset(from2.acceptor().flushLsn()));
    }
    int count = Math.min(limit - from, random.nextInt(40));
    byte[] data = new byte[Math.max(0, count)];
    System.arraycopy(source, from, data, 0, data.length);
    world.send(this, member, proposer.append(member, ByteBuffer.wrap(data)));
  }
}
