package io.coppice.safekeeper.consensus;

import io.coppice.common.error.Invariant;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import java.util.Optional;

/**
 * One timeline on one safekeeper: votes, and keeps the WAL of the proposer that was elected. Not
 * thread safe: one owner.
 *
 * <pre>
 *            VoteRequest or Elected of a higher term
 *        +------------------------------------------+
 *        v                                          |
 *   Waiting  --- Elected of the own term --->  Following(term) --+
 *        ^                                          ^  Elected   |
 *   (start)                                         +---- again -+
 * </pre>
 *
 * <p>Rules, each of which some committed WAL would be lost without:
 *
 * <ul>
 *   <li>What is promised is durable first: a vote is answered after the log was flushed and the
 *       term persisted; WAL is acknowledged after it was flushed.
 *   <li>WAL is appended only while following the elected proposer of the newest term seen, and only
 *       exactly at the end of the log.
 *   <li>Nothing is done in a generation older than the newest seen: a safekeeper that was rebuilt
 *       since has forgotten what it did there. Such a request is answered with the newer one.
 *   <li>A new proposer's log replaces what differs: the log is cut at the last common point, and
 *       only then is the new history adopted. A crash in between leaves a shorter log of the old
 *       history, which is legal: what was cut had not been committed, or the new proposer, elected
 *       by a quorum, would have it.
 * </ul>
 */
public final class Acceptor {
  /** The commit LSN is written along at least this often, so that a restart need not scan more. */
  static final long COMMIT_PERSIST_DISTANCE_BYTES = 16L * 1024 * 1024;

  private sealed interface Role {
    /** No elected proposer of the newest term has shown itself since the start. */
    record Waiting() implements Role {}

    /** The log is a prefix of the log of the proposer elected in {@code term}. */
    record Following(long term, Lsn termStartLsn) implements Role {}
  }

  private final NodeId node;
  private final AcceptorStateStore stateStore;
  private final WalStore wal;

  /** What is on disk. */
  private AcceptorState state;

  /** Written before the log is cut, so that a reader who sees it unchanged has read no cut WAL. */
  private volatile Role role = new Role.Waiting();

  /** Runs ahead of the one on disk. */
  private Lsn commitLsn;

  private Lsn truncateLsn;

  /** Where WAL begins here is always what is on disk; the rest runs ahead. */
  private Retention retention;

  /** What the proposer followed now says is committed; may be above what is flushed here. */
  private Lsn announcedCommitLsn;

  private boolean appendUnanswered;
  private boolean diskFailed;

  /**
   * Takes up where the stored state and log left off.
   *
   * @throws StorageException.Corrupt if the log ends before what is known to be committed: part of
   *     it is lost, and a vote of this node could lose it for all
   */
  public Acceptor(NodeId node, AcceptorState stored, AcceptorStateStore stateStore, WalStore wal)
      throws StorageException.Corrupt {
    if (wal.flushLsn().isBefore(stored.commitLsn())) {
      throw new StorageException.Corrupt(
          "timeline %s: WAL ends at %s, but was committed up to %s; rebuild it from the peers"
              .formatted(stored.properties().id(), wal.flushLsn(), stored.commitLsn()));
    }
    this.node = node;
    this.state = stored;
    this.stateStore = stateStore;
    this.wal = wal;
    this.commitLsn = stored.commitLsn();
    this.truncateLsn = stored.truncateLsn();
    this.retention = stored.retention();
    this.announcedCommitLsn = commitLsn;
  }

  /** What is known here now; the positions may be ahead of what is on disk. */
  public AcceptorState state() {
    return state.withPositions(commitLsn, truncateLsn, retention);
  }

  public Lsn flushLsn() {
    return wal.flushLsn();
  }

  public Lsn commitLsn() {
    return commitLsn;
  }

  public long term() {
    return state.term();
  }

  /**
   * Whether the log is a prefix of the log of the proposer elected in {@code term}. Any thread may
   * ask: WAL that was read before this said yes is of that log.
   */
  public boolean isFollowing(long term) {
    return role instanceof Role.Following(long followed, Lsn _) && followed == term;
  }

  /**
   * Takes a message. Appends are answered by {@link #flush}, which the owner calls once it has no
   * more messages at hand, so that one sync serves them all.
   *
   * @throws StorageException if the message cannot be followed; the conversation is to be ended,
   *     and the proposer may open it anew
   */
  public Optional<Reply> handle(Request request) throws StorageException, DiskFailure {
    checkDisk();
    return switch (request) {
      case Request.Greeting greeting -> Optional.of(greet(greeting));
      case Request.VoteRequest vote -> Optional.of(vote(vote));
      case Request.Elected elected -> Optional.of(follow(elected));
      case Request.Append append -> append(append);
    };
  }

  /**
   * Does nothing in an older generation from now on; durable when this returns, as is all that was
   * acknowledged before.
   *
   * @throws StorageException.Transient if a newer generation than that was seen here
   */
  public void raiseGeneration(int generation) throws StorageException.Transient, DiskFailure {
    checkDisk();
    if (generation < state.generation()) {
      throw new StorageException.Transient(
          "safekeeper %s has seen generation %d, later than %d"
              .formatted(node, state.generation(), generation));
    }
    settle();
    adoptGeneration(generation);
  }

  /** Makes all that was appended durable, and answers the appends, if any were. */
  public Optional<Reply> flush() throws DiskFailure {
    checkDisk();
    settle();
    if (!appendUnanswered) {
      return Optional.empty();
    }
    appendUnanswered = false;
    return Optional.of(appended(wal.writeLsn()));
  }

  private void settle() throws DiskFailure {
    flushWal();
    switch (role) {
      case Role.Waiting _ -> appendUnanswered = false;
      case Role.Following(long _, Lsn termStartLsn) -> advanceCommit(termStartLsn);
    }
  }

  /** Writes the positions along that run ahead of those on disk. */
  public void persistPositions() throws DiskFailure {
    checkDisk();
    if (state.term() > 0 && !state.equals(state())) {
      persistIfRoom(state());
    }
  }

  /** The object store has all WAL below. */
  public void backedUp(Lsn lsn) {
    retention = retention.withBackup(lsn);
  }

  /** The page server does not need WAL below any more. */
  public void pageServerHas(Lsn lsn) {
    retention = retention.withPageServer(lsn);
  }

  /**
   * Writes the positions down, and with them where the WAL begins that is still needed. Only when
   * this has returned may what is before be deleted; nobody counts on it from then on.
   *
   * @return where it begins
   */
  public Lsn giveUpOldWal() throws DiskFailure {
    persistPositions();
    Lsn keepFrom = WalRemoval.keepFrom(state);
    if (keepFrom.isAfter(state.retention().localStartLsn())) {
      persistIfRoom(state().withLocalStart(keepFrom));
      retention = retention.withLocalStart(state.retention().localStartLsn());
    }
    return state.retention().localStartLsn();
  }

  private Reply greet(Request.Greeting greeting) throws StorageException, DiskFailure {
    TimelineProperties own = state.properties();
    if (!own.equals(greeting.properties())) {
      throw new StorageException.Precondition(
          "safekeeper %s has this timeline as %s, the proposer as %s"
              .formatted(node, own, greeting.properties()));
    }
    if (greeting.generation() > state.generation()) {
      adoptGeneration(greeting.generation());
    }
    return new Reply.Greeted(state.generation(), node, state.term());
  }

  private Reply vote(Request.VoteRequest request) throws StorageException, DiskFailure {
    if (request.generation() < state.generation()) {
      return voteOf(false);
    }
    adoptGeneration(request.generation());
    flushWal();
    boolean granted = request.term() > state.term();
    if (granted) {
      adoptTerm(request.term());
    }
    return voteOf(granted);
  }

  private Reply voteOf(boolean granted) {
    return new Reply.Vote(
        state.generation(),
        state.term(),
        granted,
        wal.flushLsn(),
        truncateLsn,
        commitLsn,
        state.history());
  }

  private Reply follow(Request.Elected elected) throws StorageException, DiskFailure {
    if (elected.generation() < state.generation()) {
      return following();
    }
    adoptGeneration(elected.generation());
    if (elected.term() < state.term()) {
      return following();
    }
    Optional<Lsn> termStart = elected.history().startOf(elected.term());
    if (termStart.isEmpty() || elected.history().entries().getLast().term() != elected.term()) {
      throw new StorageException.Invalid(
          "term %d is not the last of history %s".formatted(elected.term(), elected.history()));
    }
    flushWal();
    Lsn common = elected.history().commonPoint(state.history(), wal.flushLsn());
    if (!common.equals(elected.startStreamingAt())) {
      throw new StorageException.Transient(
          "the logs part at %s, not at %s; greet again"
              .formatted(common, elected.startStreamingAt()));
    }
    if (common.isBefore(commitLsn) || common.isAfter(wal.flushLsn())) {
      throw new StorageException.Precondition(
          "safekeeper %s has WAL up to %s, committed up to %s, and cannot follow %s from %s"
              .formatted(node, wal.flushLsn(), commitLsn, elected.history(), common));
    }
    if (elected.term() > state.term()) {
      adoptTerm(elected.term());
    }
    role = new Role.Waiting();
    truncateWal(common);
    if (!state.history().equals(elected.history())) {
      persist(state().withHistory(elected.history()));
    }
    announcedCommitLsn = commitLsn;
    appendUnanswered = false;
    role = new Role.Following(elected.term(), termStart.get());
    return following();
  }

  private Reply following() {
    return new Reply.Following(state.generation(), state.term(), wal.flushLsn());
  }

  private Optional<Reply> append(Request.Append append) throws StorageException, DiskFailure {
    if (append.generation() < state.generation()) {
      return Optional.of(appended(wal.flushLsn()));
    }
    adoptGeneration(append.generation());
    if (append.term() < state.term()) {
      return Optional.of(appended(wal.flushLsn()));
    }
    if (!isFollowing(append.term())) {
      throw new StorageException.Transient(
          "append of term %d, which has not shown its history here; greet again"
              .formatted(append.term()));
    }
    if (!append.begin().equals(wal.writeLsn())) {
      throw new StorageException.Transient(
          "append at %s, but the log ends at %s; greet again"
              .formatted(append.begin(), wal.writeLsn()));
    }
    if (append.data().hasRemaining()) {
      writeWal(append);
    }
    announcedCommitLsn = Lsn.max(announcedCommitLsn, append.commitLsn());
    truncateLsn = Lsn.max(truncateLsn, append.truncateLsn());
    appendUnanswered = true;
    return Optional.empty();
  }

  private Reply appended(Lsn durableLsn) {
    return new Reply.Appended(
        state.generation(), state.term(), wal.flushLsn(), durableLsn, commitLsn);
  }

  /** Before anything else is done in it. Whoever was followed has yet to be elected in it. */
  private void adoptGeneration(int generation) throws StorageException.Transient, DiskFailure {
    if (generation == state.generation()) {
      return;
    }
    flushWal();
    role = new Role.Waiting();
    appendUnanswered = false;
    persist(state().withGeneration(generation));
  }

  private void adoptTerm(long term) throws StorageException.Transient, DiskFailure {
    Invariant.check(term > state.term(), "term moved back: %s -> %s", state.term(), term);
    role = new Role.Waiting();
    appendUnanswered = false;
    persist(state().withTerm(term));
  }

  private void advanceCommit(Lsn termStartLsn) throws DiskFailure {
    Lsn reached = Lsn.min(announcedCommitLsn, wal.flushLsn());
    if (!reached.isAfter(commitLsn)) {
      return;
    }
    commitLsn = reached;
    Lsn stored = state.commitLsn();
    boolean firstOfTerm = stored.isBefore(termStartLsn) && reached.isAtOrAfter(termStartLsn);
    if (firstOfTerm || reached.minus(stored) >= COMMIT_PERSIST_DISTANCE_BYTES) {
      persistIfRoom(state());
    }
  }

  private void checkDisk() throws DiskFailure {
    if (diskFailed) {
      throw new DiskFailure("the disk failed earlier", new IllegalStateException("stopped"));
    }
  }

  /** One place changes what is on disk: durable first, visible second. */
  private void persist(AcceptorState next) throws StorageException.Transient, DiskFailure {
    Invariant.check(
        next.generation() >= state.generation(), "generation moved back: %s -> %s", state, next);
    Invariant.check(next.term() >= state.term(), "term moved back: %s -> %s", state, next);
    Invariant.check(
        next.commitLsn().isAtOrAfter(state.commitLsn()), "commit moved back: %s, %s", state, next);
    diskFailed = true;
    try {
      stateStore.persist(next);
    } catch (StorageException.Transient nothingChanged) {
      diskFailed = false;
      throw nothingChanged;
    }
    diskFailed = false;
    state = next;
  }

  /** Positions may stay behind on a full disk: they are written along the next time. */
  private void persistIfRoom(AcceptorState next) throws DiskFailure {
    try {
      persist(next);
    } catch (StorageException.Transient noRoom) {
      // those in memory hold; only a restart has more to scan
    }
  }

  private void writeWal(Request.Append append) throws StorageException, DiskFailure {
    try {
      wal.write(append.begin(), append.data());
    } catch (DiskFailure failure) {
      diskFailed = true;
      throw failure;
    }
  }

  private void flushWal() throws DiskFailure {
    diskFailed = true;
    wal.flush();
    diskFailed = false;
  }

  private void truncateWal(Lsn end) throws StorageException.Corrupt, DiskFailure {
    diskFailed = true;
    try {
      wal.truncate(end);
    } catch (StorageException.Corrupt nothingChanged) {
      diskFailed = false;
      throw nothingChanged;
    }
    diskFailed = false;
    Invariant.check(
        wal.writeLsn().equals(end) && wal.flushLsn().equals(end),
        "cut at %s, but the log ends at %s",
        end,
        wal.writeLsn());
  }
}
