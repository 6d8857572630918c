package io.coppice.safekeeper.consensus;

import io.coppice.common.error.Invariant;
import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Function;

/**
 * The writer of a timeline: is elected by a quorum of the members, then has its log copied to them
 * and finds what is committed. Not thread safe: one owner. Members are numbered from 0; what each
 * is doing is in {@link ProposerMember}.
 *
 * <pre>
 *   Gathering -- a quorum has greeted: campaign --> Campaigning(term)
 *   Campaigning -- votes of a quorum --> Leading(term)
 *   Campaigning -- a higher term seen, or no quorum left: campaign again after a pause
 *   Leading -- a higher term seen --> Fenced
 *   any but Fenced -- a higher generation seen --> Gathering
 * </pre>
 *
 * <p>A higher generation says that a safekeeper was rebuilt: what it promised and acknowledged
 * before is forgotten, so nothing of the older generation counts any more. A proposer that was
 * leading is elected again, in a new term. It goes on where it was, and Postgres notices nothing,
 * if the log found then is a prefix of its own; otherwise it is fenced. It does not campaign before
 * a quorum has said that it is in the new generation: then every rebuild from there on asks one
 * that knows of it, and takes a newer one. A generation that only one safekeeper had heard of could
 * be given out again once that one is lost, too, with votes in it that are forgotten.
 *
 * <p>The log it leads with is that of the voter with the greatest (term of its last WAL, length):
 * it holds all that is committed. Its own WAL begins at the end of that log. A member counts
 * towards a commit only once it holds the log up to there, so WAL of earlier terms is never
 * committed by counting copies of it alone.
 */
public final class Proposer {

  /** Where messages go. */
  public interface Outbox {
    void send(int member, Request request);
  }

  private sealed interface Role {
    record Gathering() implements Role {}

    record Campaigning(long term) implements Role {}

    record Leading(long term, Lsn startLsn, TermHistory history) implements Role {}

    record Fenced(long byTerm) implements Role {}
  }

  private final TimelineProperties properties;
  private final Outbox outbox;
  private final List<ProposerMember> members = new ArrayList<>();
  private final int quorum;

  private Role role = new Role.Gathering();
  private int generation;
  private long termSeen;

  /** The newest term campaigned in. */
  private long ownTerm;

  private boolean creating;

  /** Of the log that is being written, between two elections to lead it. */
  private Optional<TermHistory> suspended = Optional.empty();

  /** Where the log that is being written began: what is before it came from safekeepers. */
  private Lsn firstLsn;

  /** End of the log that is led. */
  private Lsn endLsn;

  private Lsn commitLsn = Lsn.INVALID;
  private Lsn truncateLsn = Lsn.INVALID;

  public Proposer(TimelineProperties properties, int generation, int membersCount, Outbox outbox) {
    this.properties = properties;
    this.generation = generation;
    this.outbox = outbox;
    this.quorum = membersCount / 2 + 1;
    this.endLsn = properties.startLsn();
    this.firstLsn = endLsn;
    for (int i = 0; i < membersCount; i++) {
      members.add(new ProposerMember());
    }
  }

  /**
   * Safekeepers that do not have the timeline may make it. Only for a timeline to which nothing was
   * ever committed, and no longer than that: see {@link #stopCreating}.
   */
  public void startCreating() {
    creating = true;
  }

  /** From now on a safekeeper that does not have the timeline has lost it. */
  public void stopCreating() {
    creating = false;
  }

  /** Whether that member was greeted and has not answered yet. */
  public boolean awaitsGreeting(int member) {
    return members.get(member).awaitsGreeting();
  }

  public boolean isLeading() {
    return role instanceof Role.Leading;
  }

  /** Whether the log may grow: it is led, or a new election is to confirm that it is. */
  public boolean isWriting() {
    return isLeading() || (suspended.isPresent() && fencedBy().isEmpty());
  }

  /** The newest generation of the set of safekeepers that is known. */
  public int generation() {
    return generation;
  }

  /** The higher term that ended this proposer's leadership. */
  public Optional<Long> fencedBy() {
    return role instanceof Role.Fenced(long byTerm) ? Optional.of(byTerm) : Optional.empty();
  }

  /** The term led. */
  public long term() {
    return leading().term();
  }

  /** Where this term's WAL begins: the end of the log found at the newest election. */
  public Lsn startLsn() {
    return leading().startLsn();
  }

  public TermHistory history() {
    return leading().history();
  }

  /** All below is on a quorum; invalid until this term has committed. */
  public Lsn commitLsn() {
    return commitLsn;
  }

  /** End of the log led. */
  public Lsn endLsn() {
    return endLsn;
  }

  /** Whether a quorum knows that all up to {@link #startLsn} is committed. */
  public boolean isStartCommitted() {
    return role instanceof Role.Leading(long _, Lsn startLsn, TermHistory _)
        && commitLsn.isAtOrAfter(startLsn)
        && members.stream().filter(m -> m.commitLsn().isAtOrAfter(startLsn)).count() >= quorum;
  }

  /** A conversation with that member begins. */
  public void connected(int member) {
    members.get(member).connected();
    greet(member);
  }

  private void greet(int member) {
    outbox.send(member, new Request.Greeting(generation, ownTerm, properties, creating));
  }

  /** The conversation is over; what the member acknowledged still counts. */
  public void disconnected(int member) {
    members.get(member).disconnected();
  }

  /**
   * Asks for votes in a new term. Also to be called after a pause if an earlier campaign did not
   * come to an end; does nothing before a quorum has greeted in this generation, or once leading or
   * fenced.
   */
  public void campaign() {
    if (role instanceof Role.Leading || role instanceof Role.Fenced) {
      return;
    }
    if (members.stream().filter(ProposerMember::hasGreeted).count() < quorum) {
      return;
    }
    termSeen++;
    ownTerm = termSeen;
    role = new Role.Campaigning(termSeen);
    for (int i = 0; i < members.size(); i++) {
      ProposerMember member = members.get(i);
      member.forgetVote();
      if (member.hasGreeted()) {
        outbox.send(i, new Request.VoteRequest(generation, termSeen));
      }
    }
  }

  /**
   * Takes an answer.
   *
   * @throws StorageException.Precondition if leading would lose WAL, or two members are one node
   * @throws StorageException.Corrupt if the member has lost what it had acknowledged
   */
  public void handle(int from, Reply reply) throws StorageException {
    ProposerMember member = members.get(from);
    termSeen = Math.max(termSeen, reply.term());
    if (isWriting() && reply.term() > ownTerm) {
      role = new Role.Fenced(reply.term());
    }
    if (role instanceof Role.Fenced) {
      return;
    }
    if (reply.generation() > generation) {
      adoptGeneration(reply.generation());
    }
    if (reply.generation() < generation && !(reply instanceof Reply.Greeted)) {
      return; // of what may be forgotten; what is sent to it next tells it of the newer one
    }
    switch (reply) {
      case Reply.Greeted greeted -> greeted(from, member, greeted);
      case Reply.Vote vote -> voted(from, member, vote);
      case Reply.Following following -> following(member, following);
      case Reply.Appended appended -> appended(member, appended);
    }
  }

  /**
   * Starts over: all are greeted again. If nothing depends yet on where the log begins, any log may
   * be led next; else only that one.
   */
  private void adoptGeneration(int newer) {
    generation = newer;
    if (role instanceof Role.Leading(long _, Lsn startLsn, TermHistory history)
        && (commitLsn.isValid() || endLsn.isAfter(startLsn))) {
      suspended = Optional.of(history);
    }
    role = new Role.Gathering();
    for (int i = 0; i < members.size(); i++) {
      if (members.get(i).startOver()) {
        greet(i);
      }
    }
  }

  private void greeted(int from, ProposerMember member, Reply.Greeted greeted)
      throws StorageException {
    for (int i = 0; i < members.size(); i++) {
      if (i != from && members.get(i).isNode(greeted.node())) {
        throw new StorageException.Precondition(
            "two of the safekeepers given are the same node, " + greeted.node());
      }
    }
    if (greeted.generation() < generation) {
      greet(from); // its answer was on its way when the newer one became known
      return;
    }
    member.greeted(greeted.node());
    switch (role) {
      case Role.Gathering _ -> campaign();
      case Role.Campaigning(long term) ->
          outbox.send(from, new Request.VoteRequest(generation, term));
      case Role.Leading(long term, Lsn _, TermHistory _) ->
          outbox.send(from, new Request.VoteRequest(generation, term));
      case Role.Fenced _ -> {}
    }
  }

  private void voted(int from, ProposerMember member, Reply.Vote vote) throws StorageException {
    switch (role) {
      case Role.Campaigning(long term) -> {
        if (vote.granted() && vote.term() == term) {
          member.voted(vote);
          becomeLeaderIfElected(term);
        }
      }
      case Role.Leading(long term, Lsn _, TermHistory _) -> {
        if (vote.term() == term) {
          sendHistory(from, vote);
        }
      }
      case Role.Gathering _, Role.Fenced _ -> {}
    }
  }

  private void becomeLeaderIfElected(long term) throws StorageException {
    List<Reply.Vote> votes =
        members.stream().map(ProposerMember::vote).flatMap(Optional::stream).toList();
    if (votes.size() < quorum) {
      return;
    }
    Election election = Election.of(votes, logOrder(), term, properties.startLsn(), commitLsn);
    truncateLsn = Lsn.max(truncateLsn, election.truncateLsn());
    if (suspended.isEmpty()) {
      firstLsn = election.startLsn();
      endLsn = election.startLsn();
    } else if (!election.continues(suspended.get(), firstLsn, endLsn)) {
      role = new Role.Fenced(election.donorTerm());
      return;
    }
    suspended = Optional.empty();
    role = new Role.Leading(term, election.startLsn(), election.history());
    for (int i = 0; i < members.size(); i++) {
      Optional<Reply.Vote> vote = members.get(i).vote();
      if (vote.isPresent()) {
        sendHistory(i, vote.get());
      }
    }
  }

  private void sendHistory(int to, Reply.Vote vote) {
    Role.Leading leading = leading();
    if (!members.get(to).awaitsHistory()) {
      return; // it voted, and left; asked again when it is back
    }
    Lsn common = leading.history().commonPoint(vote.history(), vote.flushLsn());
    members.get(to).historySent();
    outbox.send(to, new Request.Elected(generation, leading.term(), common, leading.history()));
  }

  private void following(ProposerMember member, Reply.Following following)
      throws StorageException.Corrupt {
    if (isLeading() && following.term() == leading().term() && member.awaitsFollowing()) {
      member.following(following.flushLsn(), endLsn);
      updatePositions();
    }
  }

  private void appended(ProposerMember member, Reply.Appended appended)
      throws StorageException.Corrupt {
    if (isLeading() && appended.term() == leading().term() && member.isStreaming()) {
      member.appended(appended, endLsn);
      updatePositions();
    }
  }

  private void updatePositions() {
    Lsn startLsn = leading().startLsn();
    Lsn byQuorum = ofQuorum(ProposerMember::flushLsn);
    if (mayCommit(byQuorum, startLsn)) {
      commitLsn = Lsn.max(commitLsn, byQuorum);
    }
    Lsn lowest = members.stream().map(ProposerMember::flushLsn).min(Lsn::compareTo).orElseThrow();
    truncateLsn = Lsn.max(truncateLsn, Lsn.min(lowest, commitLsn));
  }

  /**
   * WAL of earlier terms that a quorum holds may yet be replaced, by a proposer that finds a log of
   * a later term; with the start of this term on a quorum no such proposer can be elected.
   */
  private static boolean mayCommit(Lsn byQuorum, Lsn startLsn) {
    return byQuorum.isAtOrAfter(startLsn);
  }

  /** The greatest log holds all that is committed: a later term's first, then the longer. */
  private static Comparator<Reply.Vote> logOrder() {
    return Comparator.comparingLong(Reply.Vote::lastLogTerm).thenComparing(Reply.Vote::flushLsn);
  }

  /** The highest position that a quorum has reached. */
  private Lsn ofQuorum(Function<ProposerMember, Lsn> position) {
    Lsn[] reached = members.stream().map(position).toArray(Lsn[]::new);
    Arrays.sort(reached);
    return reached[reached.length - quorum];
  }

  /**
   * Whether a quorum holds all of the log led. If so, and the end is not committed, the last record
   * is not whole yet: only more WAL can help.
   */
  public boolean isAllDurable() {
    return ofQuorum(ProposerMember::durableLsn).isAtOrAfter(endLsn);
  }

  /** The log led has become longer. */
  public void extended(Lsn end) {
    Invariant.check(end.isAtOrAfter(endLsn), "log shrank: %s -> %s", endLsn, end);
    Invariant.check(isWriting(), "not leading: %s", role);
    endLsn = end;
  }

  /** Where that member's next WAL begins, if it takes WAL now. */
  public Optional<Lsn> nextLsn(int member) {
    return isLeading() ? members.get(member).nextLsn() : Optional.empty();
  }

  /** What of the log that member has acknowledged in this term. */
  public Lsn flushLsn(int member) {
    return members.get(member).flushLsn();
  }

  /** What that member has on disk of what was sent to it in this term, also of a record's part. */
  public Lsn durableLsn(int member) {
    return members.get(member).durableLsn();
  }

  /** What that member knows to be committed. */
  public Lsn knownCommitLsn(int member) {
    return members.get(member).commitLsn();
  }

  /**
   * The request that carries {@code data}, which begins at {@link #nextLsn}, to that member; the
   * caller must send it.
   */
  public Request.Append append(int member, ByteBuffer data) {
    ProposerMember to = members.get(member);
    Lsn begin = to.sent(data.remaining());
    Invariant.check(
        begin.plus(data.remaining()).isAtOrBefore(endLsn), "sent beyond the log: %s", endLsn);
    return new Request.Append(generation, leading().term(), begin, commitLsn, truncateLsn, data);
  }

  /** A member that has more of the log than up to {@code lsn}, the one with most of it. */
  public OptionalInt donor(Lsn lsn) {
    int best = -1;
    for (int i = 0; i < members.size(); i++) {
      ProposerMember member = members.get(i);
      boolean better = best < 0 || member.flushLsn().isAfter(members.get(best).flushLsn());
      if (member.isStreaming() && member.flushLsn().isAfter(lsn) && better) {
        best = i;
      }
    }
    return best < 0 ? OptionalInt.empty() : OptionalInt.of(best);
  }

  private Role.Leading leading() {
    Invariant.check(role instanceof Role.Leading, "not leading: %s", role);
    return (Role.Leading) role;
  }

  @Override
  public String toString() {
    return "Proposer[%s, commit=%s, end=%s, %s]".formatted(role, commitLsn, endLsn, members);
  }
}
