package io.coppice.safekeeper.sim;

import io.coppice.common.id.Lsn;
import io.coppice.postgres.wal.WalSegmentName;
import io.coppice.safekeeper.consensus.Acceptor;
import io.coppice.safekeeper.consensus.Reply;
import io.coppice.safekeeper.consensus.Request;
import io.coppice.safekeeper.consensus.TermHistory;
import io.coppice.safekeeper.consensus.TermSwitch;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Knows what must always hold, and what was ever committed, byte for byte. Asks disks for what is
 * durable, never the classes under test for what they believe.
 */
final class SafetyOracle {
  private static final int READ_SIZE_BYTES = 32 * 1024;

  private record RecordEnd(int compute, Lsn end) {}

  private record Term(int creation, long number) {}

  private final World world;
  private final Lsn start;
  private final ReferenceLog reference;
  private final List<DurableLog> logs = new ArrayList<>();
  private final Map<Term, Integer> electedInTerm = new HashMap<>();

  /** Who made a record, and where it ends: where it begins. */
  private final Map<RecordEnd, Lsn> recordBegins = new HashMap<>();

  /** What each term has committed. */
  private final NavigableMap<Long, Lsn> committedInTerm = new TreeMap<>();

  /** Which quorums have committed something, as bit masks. */
  private int quorumsSeen;

  SafetyOracle(World world) {
    this.world = world;
    this.start = world.properties.startLsn();
    this.reference = new ReferenceLog(start);
  }

  int committedRecords() {
    return reference.records();
  }

  DurableLog log(SimSafekeeper of) {
    while (logs.size() <= of.index) {
      logs.add(new DurableLog(world, world.safekeepers.get(logs.size())));
    }
    return logs.get(of.index);
  }

  // What safekeepers do.

  /**
   * Whether that safekeeper has the creation of the timeline that has WAL. Another one is as good
   * as none: what was on a disk that is lost still counts as it did.
   */
  private boolean counts(SimSafekeeper safekeeper) {
    return !world.walStart.isStarted()
        || safekeeper.acceptor().filter(own -> world.isOfNewestCreation(own.state())).isPresent();
  }

  void restarted(SimSafekeeper safekeeper) {
    if (!counts(safekeeper)) {
      return;
    }
    Acceptor acceptor = safekeeper.acceptor().orElseThrow();
    DurableLog log = log(safekeeper);
    log.restarted(acceptor);
    checkLog(safekeeper, acceptor, log);
    gaveUp(safekeeper);
  }

  void restartedEmpty(SimSafekeeper safekeeper) {
    log(safekeeper).restartedEmpty();
  }

  /** What is promised no longer counts once a new proposer may cut the log. */
  void aboutToHandle(SimSafekeeper safekeeper, Request request) {
    if (request instanceof Request.Elected elected) {
      log(safekeeper).mayBeCut(elected.startStreamingAt());
    }
  }

  /** Everything said must be durable first. */
  void replies(SimSafekeeper safekeeper, Reply reply) {
    if (!counts(safekeeper)) {
      return;
    }
    DurableLog log = log(safekeeper);
    switch (reply) {
      case Reply.Greeted _ -> {}
      case Reply.Vote vote -> {
        if (vote.granted()) {
          log.promiseTerm(vote.term());
        }
        log.promise(vote.flushLsn());
      }
      case Reply.Following following -> {
        log.promiseTerm(following.term());
        log.cutTo(following.flushLsn(), world.coverage);
        log.promise(following.flushLsn());
      }
      case Reply.Appended appended -> log.promise(appended.flushLsn());
    }
  }

  void changed(SimSafekeeper safekeeper) {
    if (!counts(safekeeper)) {
      return;
    }
    Acceptor acceptor = safekeeper.acceptor().orElseThrow();
    DurableLog log = log(safekeeper);
    log.extendTo(acceptor.flushLsn());
    checkLog(safekeeper, acceptor, log);
  }

  private void checkLog(SimSafekeeper safekeeper, Acceptor acceptor, DurableLog log) {
    Lsn commitLsn = acceptor.commitLsn();
    if (commitLsn.isAfter(acceptor.flushLsn())) {
      throw new Violation("%s: commit LSN above flush LSN".formatted(safekeeper));
    }
    log.checkCommitRises(commitLsn);
    reference.checkHolds(log, commitLsn);
    if (!log.takeChanged(acceptor.state().history())) {
      return;
    }
    for (SimSafekeeper other : world.safekeepers) {
      if (other != safekeeper && other.isUp() && other.acceptor().isPresent()) {
        checkMatch(log, acceptor, log(other), other.acceptor().get());
      }
    }
  }

  /** Where two histories share an entry, the logs hold the same bytes. */
  private static void checkMatch(
      DurableLog log, Acceptor acceptor, DurableLog other, Acceptor otherAcceptor) {
    TermHistory history = acceptor.state().history();
    TermHistory theirs = otherAcceptor.state().history();
    if (history.isEmpty() || theirs.isEmpty()) {
      return;
    }
    Lsn common =
        Lsn.min(acceptor.flushLsn(), history.commonPoint(theirs, otherAcceptor.flushLsn()));
    log.checkEquals(other, common);
  }

  // What computes do.

  void elected(SimCompute compute) {
    world.coverage.mark("elected");
    long term = compute.proposer().term();
    Integer other = electedInTerm.put(new Term(compute.creation, term), compute.number);
    if (other != null) {
      throw new Violation(
          "term %d has two proposers: computes %d and %d".formatted(term, other, compute.number));
    }
    if (compute.creation != world.walStart.started()) {
      return; // it may not write before its creation is the one that counts
    }
    // One that was elected late, in a term that others have left behind, cannot commit anything.
    Lsn committed =
        committedInTerm.headMap(term).values().stream().max(Lsn::compareTo).orElse(start);
    if (compute.proposer().startLsn().isBefore(committed)) {
      throw new Violation(
          "compute %d begins term %d at %s, but WAL up to %s was committed before"
              .formatted(compute.number, term, compute.proposer().startLsn(), committed));
    }
  }

  /** A proposer says that something is committed: Postgres tells its clients so. */
  void committed(SimCompute compute) {
    Lsn commitLsn = compute.proposer().commitLsn();
    world.mix(commitLsn.value());
    if (!commitLsn.isAfter(reference.end())) {
      return;
    }
    byte[] bytes = newlyCommitted(compute, commitLsn);
    int mask = holders(bytes);
    if (Integer.bitCount(mask) <= world.safekeepers.size() / 2) {
      throw new Violation(
          "compute %d calls %s committed, which is durable on safekeepers %s only: %s"
              .formatted(
                  compute.number, commitLsn, Integer.toBinaryString(mask), world.safekeepers));
    }
    if (Integer.bitCount(mask) == 2 && (quorumsSeen & 1 << mask) == 0) {
      quorumsSeen |= 1 << mask;
      world.coverage.mark("committed by quorum " + Integer.toBinaryString(mask));
    }
    reference.append(bytes);
    committedInTerm.merge(compute.proposer().term(), commitLsn, Lsn::max);
  }

  /** The compute's own WAL, and before it what a safekeeper has that has all of it. */
  private byte[] newlyCommitted(SimCompute compute, Lsn end) {
    Lsn begin = reference.end();
    Lsn ownBegin = Lsn.max(begin, compute.proposer().startLsn());
    int ownLength = ownBegin.isBefore(end) ? (int) end.minus(ownBegin) : 0;
    byte[] own =
        ownLength == 0 ? new byte[0] : compute.postgres().orElseThrow().read(ownBegin, ownLength);
    if (begin.equals(ownBegin)) {
      return own;
    }
    byte[] best = own;
    int bestHolders = 0;
    for (SimSafekeeper safekeeper : world.safekeepers) {
      DurableLog log = log(safekeeper);
      if (log.end().isAtOrAfter(end)) {
        byte[] bytes = log.read(begin, end);
        int from = bytes.length - ownLength;
        int holders = Integer.bitCount(holders(bytes));
        if (Arrays.equals(bytes, from, bytes.length, own, 0, ownLength) && holders > bestHolders) {
          best = bytes;
          bestHolders = holders;
        }
      }
    }
    if (bestHolders == 0) {
      throw new Violation(
          "nobody holds %s, which compute %d calls committed".formatted(end, compute.number));
    }
    return best;
  }

  /** Who durably has all that was committed, and then {@code more}. */
  private int holders(byte[] more) {
    int mask = 0;
    for (SimSafekeeper safekeeper : world.safekeepers) {
      if (log(safekeeper).holds(reference, more)) {
        mask |= 1 << safekeeper.index;
      }
    }
    return mask;
  }

  /** A compute has made a record. */
  void made(int compute, Lsn begin, Lsn end) {
    recordBegins.put(new RecordEnd(compute, end), begin);
  }

  /** Where the last record before a new compute's own begins. */
  Lsn lastRecordBefore(SimCompute compute) {
    Lsn end = compute.proposer().startLsn();
    long writer = 0;
    for (TermSwitch entry : compute.proposer().history().entries()) {
      if (entry.startLsn().isBefore(end)) {
        writer = entry.term();
      }
    }
    int number = electedInTerm.getOrDefault(new Term(compute.creation, writer), 0);
    Lsn begin = recordBegins.get(new RecordEnd(number, end));
    if (begin == null && end.isAfter(start)) {
      throw new Violation("no record of term %d ends at %s".formatted(writer, end));
    }
    return begin == null ? end.plus(-Lsn.ALIGNMENT_BYTES) : begin;
  }

  // What page servers read.

  void served(SimSafekeeper from, Lsn position, byte[] bytes) {
    reference.checkServed(from, position, bytes);
  }

  // What is in the object store, and what is removed.

  void uploaded(String name, byte[] bytes) {
    String file = name.substring(name.lastIndexOf('/') + 1);
    Lsn segment =
        WalSegmentName.parse(file, World.SEGMENT_SIZE_BYTES)
            .orElseThrow()
            .start(World.SEGMENT_SIZE_BYTES);
    int before = (int) Math.max(0, start.minus(segment));
    reference.checkArchived(segment.plus(before), Arrays.copyOfRange(bytes, before, bytes.length));
  }

  /** Nothing is removed that anybody needs. */
  void gaveUp(SimSafekeeper safekeeper) {
    DurableLog log = log(safekeeper);
    Lsn localStart = safekeeper.acceptor().orElseThrow().state().retention().localStartLsn();
    log.checkRemoved(reference);
    if (localStart.isAfter(Lsn.max(start, world.pageServer.durable()))) {
      throw new Violation(
          "%s has removed WAL up to %s, which the page server needs from %s on"
              .formatted(safekeeper, localStart, world.pageServer.durable()));
    }
    for (SimSafekeeper peer : world.safekeepers) {
      DurableLog theirs = log(peer);
      if (peer != safekeeper && !theirs.isForgotten() && localStart.isAfter(theirs.end())) {
        throw new Violation(
            "%s has removed WAL up to %s, which %s needs from %s on"
                .formatted(safekeeper, localStart, peer, theirs.end()));
      }
    }
  }

  void checkAll() {
    for (SimSafekeeper safekeeper : world.safekeepers) {
      if (safekeeper.acceptor().isPresent() && counts(safekeeper)) {
        checkLog(safekeeper, safekeeper.acceptor().get(), log(safekeeper));
        gaveUp(safekeeper);
        readAll(safekeeper);
      }
    }
  }

  /** As a page server that starts from nothing. */
  private void readAll(SimSafekeeper safekeeper) {
    Lsn position = start;
    Optional<byte[]> piece = safekeeper.readCommitted(position, READ_SIZE_BYTES);
    while (piece.isPresent()) {
      reference.checkServed(safekeeper, position, piece.get());
      position = position.plus(piece.get().length);
      piece = safekeeper.readCommitted(position, READ_SIZE_BYTES);
    }
    Optional<Acceptor> still = safekeeper.acceptor();
    if (still.isPresent() && position.isBefore(still.get().commitLsn())) {
      throw new Violation("%s cannot serve WAL at %s".formatted(safekeeper, position));
    }
  }
}
