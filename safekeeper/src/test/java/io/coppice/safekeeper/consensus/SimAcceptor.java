package io.coppice.safekeeper.consensus;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import java.util.Arrays;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/** A safekeeper of the simulation: the real acceptor on a cruel disk. */
final class SimAcceptor {
  private final NodeId node;
  private final SimDisk disk;
  private final Mutant mutant;
  private final TimelineProperties properties;
  private @Nullable Acceptor acceptor;

  SimAcceptor(NodeId node, TimelineProperties properties, RandomGenerator random, Mutant mutant) {
    this.node = node;
    this.properties = properties;
    this.mutant = mutant;
    this.disk = new SimDisk(random, mutant);
    start();
  }

  void start() {
    AcceptorState stored = disk.state();
    if (stored == null) {
      stored = AcceptorState.initial(properties, 0);
    }
    try {
      acceptor = new Acceptor(node, stored, disk, disk.open(stored));
    } catch (StorageException.Corrupt lost) {
      throw new AssertionError("node %s lost committed WAL".formatted(node), lost);
    }
  }

  void crash() {
    acceptor = null;
    disk.losePower();
  }

  boolean isUp() {
    return acceptor != null;
  }

  SimDisk disk() {
    return disk;
  }

  Acceptor acceptor() {
    Acceptor running = acceptor;
    if (running == null) {
      throw new IllegalStateException("node %s is down".formatted(node));
    }
    return running;
  }

  Optional<Reply> handle(Request request) throws StorageException, DiskFailure {
    Optional<Reply> reply = acceptor().handle(request);
    if (mutant == Mutant.VOTES_TWICE_IN_A_TERM
        && request instanceof Request.VoteRequest asked
        && reply.orElseThrow() instanceof Reply.Vote vote
        && vote.term() == asked.term()) {
      return Optional.of(
          new Reply.Vote(
              vote.generation(),
              vote.term(),
              true,
              vote.flushLsn(),
              vote.truncateLsn(),
              vote.commitLsn(),
              vote.history()));
    }
    return reply;
  }

  /** Durable bytes up to a position. */
  byte[] durable(Lsn end) {
    return Arrays.copyOf(disk.durable(), SimDisk.offset(end));
  }
}
