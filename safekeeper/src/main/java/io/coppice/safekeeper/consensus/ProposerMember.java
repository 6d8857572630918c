package io.coppice.safekeeper.consensus;

import io.coppice.common.error.Invariant;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * One safekeeper as its proposer sees it.
 *
 * <pre>
 *   Absent -> Connected -> Greeted -> (vote) HistorySent -> Streaming
 *      ^          |            |                 |              |
 *      +----------+------------+-----------------+--------------+   disconnected
 *                 ^            |                 |              |
 *                 +------------+-----------------+--------------+   starts over
 * </pre>
 */
final class ProposerMember {
  private sealed interface Session {
    record Absent() implements Session {}

    record Connected() implements Session {}

    record Greeted() implements Session {}

    record HistorySent() implements Session {}

    record Streaming(Lsn nextLsn) implements Session {}
  }

  private Session session = new Session.Absent();
  private @Nullable NodeId node;
  private Reply.@Nullable Vote vote;

  /** What was acknowledged in the term that is led; outlives a connection. */
  private Lsn flushLsn = Lsn.INVALID;

  /** May be beyond, by part of a record, and go back when the connection is lost. */
  private Lsn durableLsn = Lsn.INVALID;

  private Lsn commitLsn = Lsn.INVALID;

  void connected() {
    session = new Session.Connected();
  }

  void disconnected() {
    durableLsn = flushLsn;
    session = new Session.Absent();
  }

  void greeted(NodeId who) throws StorageException.Precondition {
    if (node != null && !node.equals(who)) {
      throw new StorageException.Precondition("safekeeper %s answers as %s".formatted(node, who));
    }
    node = who;
    if (session instanceof Session.Connected) {
      session = new Session.Greeted();
    }
  }

  boolean awaitsGreeting() {
    return session instanceof Session.Connected;
  }

  boolean isNode(NodeId other) {
    return other.equals(node);
  }

  boolean hasGreeted() {
    return session instanceof Session.Greeted;
  }

  /**
   * What it promised and acknowledged may be forgotten: only the conversation goes on.
   *
   * @return whether it is to be greeted again
   */
  boolean startOver() {
    vote = null;
    flushLsn = Lsn.INVALID;
    durableLsn = Lsn.INVALID;
    commitLsn = Lsn.INVALID;
    return switch (session) {
      case Session.Absent _, Session.Connected _ -> false;
      case Session.Greeted _, Session.HistorySent _, Session.Streaming _ -> {
        session = new Session.Connected();
        yield true;
      }
    };
  }

  void voted(Reply.Vote granted) {
    vote = granted;
  }

  void forgetVote() {
    vote = null;
  }

  Optional<Reply.Vote> vote() {
    return Optional.ofNullable(vote);
  }

  boolean awaitsHistory() {
    return session instanceof Session.Greeted;
  }

  void historySent() {
    if (session instanceof Session.Greeted) {
      session = new Session.HistorySent();
    }
  }

  boolean awaitsFollowing() {
    return session instanceof Session.HistorySent;
  }

  void following(Lsn flushed, Lsn logEnd) throws StorageException.Corrupt {
    if (flushed.isBefore(flushLsn)) {
      throw new StorageException.Corrupt(
          "safekeeper %s had WAL up to %s in this term and now has it up to %s"
              .formatted(node, flushLsn, flushed));
    }
    acknowledged(flushed, logEnd);
    durableLsn = flushed;
    session = new Session.Streaming(flushed);
  }

  void appended(Reply.Appended reply, Lsn logEnd) throws StorageException.Corrupt {
    acknowledged(reply.flushLsn(), logEnd);
    durableLsn = Lsn.max(durableLsn, reply.durableLsn());
    commitLsn = Lsn.max(commitLsn, reply.commitLsn());
  }

  private void acknowledged(Lsn flushed, Lsn logEnd) throws StorageException.Corrupt {
    if (flushed.isAfter(logEnd)) {
      throw new StorageException.Corrupt(
          "safekeeper %s acknowledges WAL up to %s, which goes only to %s"
              .formatted(node, flushed, logEnd));
    }
    flushLsn = Lsn.max(flushLsn, flushed);
  }

  boolean isStreaming() {
    return session instanceof Session.Streaming;
  }

  Optional<Lsn> nextLsn() {
    return session instanceof Session.Streaming(Lsn nextLsn)
        ? Optional.of(nextLsn)
        : Optional.empty();
  }

  /** Notes that so many bytes are on their way; returns where they begin. */
  Lsn sent(int sizeBytes) {
    Invariant.check(session instanceof Session.Streaming, "sent while %s", session);
    Lsn begin = ((Session.Streaming) session).nextLsn();
    session = new Session.Streaming(begin.plus(sizeBytes));
    return begin;
  }

  Lsn flushLsn() {
    return flushLsn;
  }

  Lsn durableLsn() {
    return durableLsn;
  }

  Lsn commitLsn() {
    return commitLsn;
  }

  @Override
  public String toString() {
    return "%s: %s, flush=%s, commit=%s".formatted(node, session, flushLsn, commitLsn);
  }
}
