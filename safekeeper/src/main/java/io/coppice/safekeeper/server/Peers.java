package io.coppice.safekeeper.server;

import io.coppice.common.error.StorageException;
import io.coppice.common.rpc.HostPort;
import io.coppice.safekeeper.client.SafekeeperClient;
import io.coppice.safekeeper.client.TimelineStatus;
import io.coppice.safekeeper.consensus.NodeId;
import io.coppice.safekeeper.consensus.RebuildPlan;
import java.util.ArrayList;
import java.util.List;

/**
 * All the other safekeepers of a set, asked by one that has lost a timeline.
 *
 * <p>Of n safekeepers, n - q + 1 others have to answer, where q is a quorum: every quorum that the
 * one that asks was ever part of has at least one of them in it. With three that is both.
 */
final class Peers implements AutoCloseable {
  private static final int PEERS_MIN = 2;
  private static final int PEERS_MAX = 8;

  private final NodeId self;
  private final List<SafekeeperClient> clients;
  private volatile boolean closed;

  private Peers(NodeId self, List<SafekeeperClient> clients) {
    this.self = self;
    this.clients = clients;
  }

  /**
   * To be closed.
   *
   * @throws StorageException.Invalid if there are too few or too many, or one is named twice
   */
  static Peers open(NodeId self, List<HostPort> addresses) throws StorageException.Invalid {
    if (addresses.size() < PEERS_MIN || addresses.size() > PEERS_MAX) {
      throw new StorageException.Invalid(
          "%d peers (expected all other safekeepers, %d to %d)"
              .formatted(addresses.size(), PEERS_MIN, PEERS_MAX));
    }
    if (addresses.stream().distinct().count() != addresses.size()) {
      throw new StorageException.Invalid("a peer is named twice: " + addresses);
    }
    return new Peers(self, addresses.stream().map(SafekeeperClient::open).toList());
  }

  /** What one of them said. */
  record Answer(SafekeeperClient from, TimelineStatus status) {}

  /** Asks one of them. */
  interface Question {
    TimelineStatus ask(SafekeeperClient peer) throws StorageException;
  }

  /** How many have to answer. */
  int needed() {
    return RebuildPlan.answersNeeded(clients.size() + 1);
  }

  /**
   * Asks all.
   *
   * @throws StorageException.Transient if too few answer; says who did not, and why
   * @throws StorageException.Precondition if they are not other safekeepers of one timeline
   */
  List<Answer> ask(Question question) throws StorageException {
    List<Answer> answers = new ArrayList<>();
    List<String> silent = new ArrayList<>();
    for (SafekeeperClient peer : clients) {
      try {
        answers.add(new Answer(peer, question.ask(peer)));
      } catch (StorageException refused) {
        silent.add("%s: %s".formatted(peer.address(), refused.getMessage()));
      }
    }
    if (answers.size() < needed()) {
      throw new StorageException.Transient(
          "%d of %d peers answered, %d have to; no answer from %s"
              .formatted(answers.size(), clients.size(), needed(), String.join("; ", silent)));
    }
    check(answers);
    return answers;
  }

  private void check(List<Answer> answers) throws StorageException.Precondition {
    TimelineStatus first = answers.getFirst().status();
    for (Answer answer : answers) {
      TimelineStatus status = answer.status();
      if (status.node().equals(self)) {
        throw new StorageException.Precondition(
            "%s is safekeeper %s itself, not a peer of it"
                .formatted(answer.from().address(), self));
      }
      if (!status.state().properties().equals(first.state().properties())) {
        throw new StorageException.Precondition(
            "the peers do not have the same timeline: %s, %s"
                .formatted(first.state().properties(), status.state().properties()));
      }
    }
    if (answers.stream().map(answer -> answer.status().node()).distinct().count()
        != answers.size()) {
      throw new StorageException.Precondition("two of the peers given are the same safekeeper");
    }
  }

  boolean isClosed() {
    return closed;
  }

  /** Ends their calls, too; safe from another thread, and again. */
  @Override
  public void close() {
    closed = true;
    clients.forEach(SafekeeperClient::close);
  }
}
