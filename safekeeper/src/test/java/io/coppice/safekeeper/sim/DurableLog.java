package io.coppice.safekeeper.sim;

import io.coppice.common.id.Lsn;
import io.coppice.safekeeper.consensus.Acceptor;
import io.coppice.safekeeper.consensus.TermHistory;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * One safekeeper's log as its disk would give it back after a loss of power, up to where the
 * safekeeper has said that it is durable; and what else it has promised.
 */
final class DurableLog {
  private final World world;
  private final SimSafekeeper safekeeper;
  private final Lsn start;
  private byte[] bytes = new byte[64 * 1024];
  private int length;

  /** Up to here it was compared with what is committed. */
  private int compared;

  private Lsn promisedLsn;
  private long promisedTerm;
  private Lsn commitSeen;
  private boolean changed;
  private boolean forgotten;
  private TermHistory historySeen = TermHistory.EMPTY;

  DurableLog(World world, SimSafekeeper safekeeper) {
    this.world = world;
    this.safekeeper = safekeeper;
    this.start = world.properties.startLsn();
    this.promisedLsn = start;
    this.commitSeen = start;
  }

  Lsn end() {
    return start.plus(length);
  }

  void promiseTerm(long term) {
    promisedTerm = Math.max(promisedTerm, term);
  }

  void promise(Lsn flushLsn) {
    promisedLsn = Lsn.max(promisedLsn, flushLsn);
    extendTo(flushLsn);
  }

  void mayBeCut(Lsn at) {
    promisedLsn = Lsn.min(promisedLsn, at);
  }

  void cutTo(Lsn end, Coverage coverage) {
    if (end.isBefore(end())) {
      coverage.mark("log was cut");
      if (historySeen.entries().size() > 1
          && historySeen.upTo(end).entries().size() + 2 <= historySeen.entries().size()) {
        coverage.mark("log was cut by two terms or more");
      }
      length = (int) end.minus(start);
      compared = Math.min(compared, length);
      changed = true;
    }
  }

  /** Reads what the safekeeper says is durable from its disk. */
  void extendTo(Lsn flushLsn) {
    int wanted = (int) flushLsn.minus(start);
    if (wanted <= length) {
      return;
    }
    if (wanted > bytes.length) {
      bytes = Arrays.copyOf(bytes, 2 * wanted);
    }
    while (length < wanted) {
      Lsn at = start.plus(length);
      int offset = offsetInSegment(at);
      int count = Math.min(wanted - length, World.SEGMENT_SIZE_BYTES - offset);
      if (at.isBefore(localStart())) {
        byte[] segment = removed(at);
        System.arraycopy(segment, offset, bytes, length, count);
      } else {
        readDisk(at, ByteBuffer.wrap(bytes, length, count), flushLsn);
      }
      length += count;
    }
    changed = true;
  }

  private Lsn localStart() {
    return safekeeper
        .acceptor()
        .map(acceptor -> acceptor.state().retention().localStartLsn())
        .orElse(start);
  }

  private void readDisk(Lsn at, ByteBuffer into, Lsn flushLsn) {
    int count = into.remaining();
    int read =
        safekeeper.disk.readDurable(
            safekeeper.timelineDirectory().resolve("wal").resolve(segmentName(at)),
            into,
            offsetInSegment(at));
    if (read != count) {
      throw new Violation(
          "%s says %s is durable; its disk has %d of %d bytes at %s"
              .formatted(safekeeper, flushLsn, read, count, at));
    }
  }

  private byte[] removed(Lsn at) {
    return world
        .store
        .segment(at)
        .orElseThrow(() ->
            new Violation(
                "%s has removed WAL at %s, which is not in the object store"
                    .formatted(safekeeper, at)));
  }

  /** What is removed is in the object store, and all the rest is on the disk. */
  void checkRemoved(ReferenceLog reference) {
    Lsn localStart = localStart();
    for (Lsn at = start; at.isBefore(localStart); at = nextSegment(at)) {
      byte[] segment = removed(at);
      reference.checkArchived(at, Arrays.copyOfRange(segment, offsetInSegment(at), segment.length));
    }
    // It may have been cut without an answer, if there was no room to write the history down.
    Lsn end = safekeeper.acceptor().map(own -> Lsn.min(end(), own.flushLsn())).orElse(end());
    for (Lsn at = Lsn.max(start, localStart); at.isBefore(end); at = nextSegment(at)) {
      int count = (int) Math.min(World.SEGMENT_SIZE_BYTES - offsetInSegment(at), end.minus(at));
      readDisk(at, ByteBuffer.allocate(count), end);
    }
  }

  private static Lsn nextSegment(Lsn at) {
    return at.plus(World.SEGMENT_SIZE_BYTES - offsetInSegment(at));
  }

  /** Whether it needs to be fed from its end on, and not from its peers by a rebuild. */
  boolean isForgotten() {
    return forgotten;
  }

  /** As Postgres names it ({@code XLogFileName}). */
  static String segmentName(Lsn at) {
    long number = Long.divideUnsigned(at.value(), World.SEGMENT_SIZE_BYTES);
    long perHalf = 0x1_0000_0000L / World.SEGMENT_SIZE_BYTES;
    HexFormat hex = HexFormat.of().withUpperCase();
    return hex.toHexDigits(1)
        + hex.toHexDigits((int) (number / perHalf))
        + hex.toHexDigits((int) (number % perHalf));
  }

  static int offsetInSegment(Lsn at) {
    return (int) Long.remainderUnsigned(at.value(), World.SEGMENT_SIZE_BYTES);
  }

  void restarted(Acceptor acceptor) {
    if (acceptor.flushLsn().isBefore(promisedLsn)) {
      throw new Violation(
          "%s had acknowledged %s, and has %s"
              .formatted(safekeeper, promisedLsn, acceptor.flushLsn()));
    }
    if (acceptor.term() < promisedTerm) {
      throw new Violation(
          "%s had promised term %d, and is at %d"
              .formatted(safekeeper, promisedTerm, acceptor.term()));
    }
    forgotten = false;
    length = 0;
    compared = 0;
    commitSeen = start;
    extendTo(acceptor.flushLsn());
    changed = true;
  }

  /** Whether it has the timeline also after a loss of power: it has said so. */
  boolean hasPromisedTerm() {
    return promisedTerm > 0;
  }

  /**
   * The disk is lost, and what was promised with it. What was on it still counts as a copy until it
   * is rebuilt: the loss of one disk is borne, and whoever commits with it may not know yet.
   */
  void forget() {
    promisedTerm = 0;
    promisedLsn = start;
    forgotten = true;
  }

  /** An empty log of an earlier creation of the timeline is left, with all that was voted in it. */
  void giveWay() {
    promisedTerm = 0;
    promisedLsn = start;
  }

  void restartedEmpty() {
    if (forgotten) {
      return;
    }
    if (promisedTerm > 0 || promisedLsn.isAfter(start)) {
      throw new Violation(
          "%s had promised term %d and %s, and has nothing"
              .formatted(safekeeper, promisedTerm, promisedLsn));
    }
    length = 0;
    compared = 0;
    commitSeen = start;
  }

  void checkCommitRises(Lsn commitLsn) {
    if (commitLsn.isBefore(commitSeen)) {
      throw new Violation("%s: commit LSN went back from %s".formatted(safekeeper, commitSeen));
    }
    commitSeen = commitLsn;
  }

  void checkCommitted(byte[] reference, int committed) {
    if (safekeeper.isDamaged()) {
      return;
    }
    if (committed > length) {
      throw new Violation("%s knows more to be committed than it has".formatted(safekeeper));
    }
    if (committed > compared) {
      int at = Arrays.mismatch(bytes, compared, committed, reference, compared, committed);
      if (at >= 0) {
        throw new Violation(
            "%s differs from what was committed at %s"
                .formatted(safekeeper, start.plus(compared + at)));
      }
      compared = committed;
    }
  }

  /** Whether anything is new since the last question. */
  boolean takeChanged(TermHistory history) {
    boolean isNew = changed || !history.equals(historySeen);
    changed = false;
    historySeen = history;
    return isNew;
  }

  void checkEquals(DurableLog other, Lsn common) {
    if (safekeeper.isDamaged() || other.safekeeper.isDamaged()) {
      return;
    }
    int upTo = Math.min((int) common.minus(start), Math.min(length, other.length));
    int from = Math.min(upTo, Math.min(compared, other.compared)); // both were equal to a third
    int at = Arrays.mismatch(bytes, from, upTo, other.bytes, from, upTo);
    if (at >= 0) {
      throw new Violation(
          "%s and %s share a history up to %s, and differ at %s"
              .formatted(safekeeper, other.safekeeper, common, start.plus(from + at)));
    }
  }

  boolean holds(ReferenceLog reference, byte[] more) {
    int damagedMax =
        safekeeper.isDamaged() || forgotten ? 1 : 0; // it had that byte, and will find out
    return reference.isPrefixOf(bytes, compared, length, more, damagedMax);
  }

  byte[] read(Lsn from, Lsn end) {
    return Arrays.copyOfRange(bytes, (int) from.minus(start), (int) end.minus(start));
  }

  @Override
  public String toString() {
    return safekeeper.toString();
  }
}
