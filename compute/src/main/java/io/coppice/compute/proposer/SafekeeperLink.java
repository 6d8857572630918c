package io.coppice.compute.proposer;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.rpc.EventLoops;
import io.coppice.common.rpc.HostPort;
import io.coppice.common.rpc.RpcStatus;
import io.coppice.proto.v1.AcceptorMessage;
import io.coppice.proto.v1.ProposerMessage;
import io.coppice.proto.v1.SafekeeperServiceGrpc;
import io.grpc.ManagedChannel;
import io.grpc.Status;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientResponseObserver;
import java.util.ArrayDeque;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The connection to one safekeeper, again and again. Everything here is guarded by the quorum's
 * lock; callbacks come on the event loop and go through {@link Owner}, which takes it.
 */
final class SafekeeperLink {
  private static final long BACKOFF_MILLIS_MIN = 50;
  static final long BACKOFF_MILLIS_MAX = 2_000;

  /** Takes what happens on a link. */
  interface Owner {
    void received(SafekeeperLink link, Session session, AcceptorMessage message);

    void ready(SafekeeperLink link, Session session);

    void ended(SafekeeperLink link, Session session, StorageException reason);
  }

  private final int member;
  private final HostPort address;
  private final ManagedChannel channel;
  private final Owner owner;

  private @Nullable Session session;
  private @Nullable DonorFeed feed;
  private @Nullable StorageException lastFailure;
  private boolean following;
  private long backoffMillis = BACKOFF_MILLIS_MIN;
  private Lsn commitSent = Lsn.INVALID;

  /** Where requests with WAL end that may not have been answered yet. */
  private final ArrayDeque<Lsn> sentEnds = new ArrayDeque<>();

  SafekeeperLink(int member, HostPort address, EventLoops loop, Owner owner) {
    this.member = member;
    this.address = address;
    this.channel = loop.open(address);
    this.owner = owner;
  }

  int member() {
    return member;
  }

  HostPort address() {
    return address;
  }

  SafekeeperServiceGrpc.SafekeeperServiceStub stub() {
    return SafekeeperServiceGrpc.newStub(channel);
  }

  /** Opens a conversation. */
  void connect() {
    Session fresh = new Session();
    session = fresh;
    commitSent = Lsn.INVALID;
    sentEnds.clear();
    channel.resetConnectBackoff(); // the pauses are ours
    var _ = stub().propose(fresh);
  }

  boolean isCurrent(Session which) {
    return session == which;
  }

  boolean isReady() {
    Session current = session;
    return current != null && current.isReady();
  }

  void send(ProposerMessage message) {
    Session current = session;
    if (current != null) {
      current.send(message);
    }
  }

  /** Ends the conversation; returns how long to wait before the next. */
  long disconnect(StorageException reason) {
    lastFailure = reason;
    Session current = session;
    session = null;
    following = false;
    stopFeed();
    if (current != null) {
      current.cancel();
    }
    long wait = backoffMillis;
    backoffMillis = Math.min(BACKOFF_MILLIS_MAX, backoffMillis * 2);
    return wait;
  }

  /** It follows us: the next loss of it is a new one, and nothing is on its way to it yet. */
  void follows() {
    backoffMillis = BACKOFF_MILLIS_MIN;
    lastFailure = null;
    following = true;
    sentEnds.clear();
  }

  /** Whether it takes what we send into its log. */
  boolean isFollowing() {
    return following;
  }

  Optional<StorageException> lastFailure() {
    return Optional.ofNullable(lastFailure);
  }

  /** The newest commit LSN in a message to it. */
  Lsn commitSent() {
    return commitSent;
  }

  void setCommitSent(Lsn commitLsn) {
    commitSent = commitLsn;
  }

  /** A request with WAL goes there, which ends so. */
  void sentUpTo(Lsn end) {
    sentEnds.add(end);
  }

  /** How many such requests it has not made durable, if it has up to there. */
  int unanswered(Lsn durableLsn) {
    while (!sentEnds.isEmpty() && sentEnds.peek().isAtOrBefore(durableLsn)) {
      sentEnds.remove();
    }
    return sentEnds.size();
  }

  @Nullable DonorFeed feed() {
    return feed;
  }

  void setFeed(DonorFeed newFeed) {
    feed = newFeed;
  }

  void stopFeed() {
    DonorFeed current = feed;
    feed = null;
    if (current != null) {
      current.cancel();
    }
  }

  void close() {
    Session current = session;
    session = null;
    stopFeed();
    if (current != null) {
      current.cancel();
    }
    var _ = channel.shutdownNow();
  }

  /** One conversation. */
  final class Session implements ClientResponseObserver<ProposerMessage, AcceptorMessage> {
    private @Nullable ClientCallStreamObserver<ProposerMessage> out;

    @Override
    public void beforeStart(ClientCallStreamObserver<ProposerMessage> requests) {
      out = requests;
      requests.setOnReadyHandler(() -> owner.ready(SafekeeperLink.this, this));
    }

    boolean isReady() {
      ClientCallStreamObserver<ProposerMessage> requests = out;
      return requests != null && requests.isReady();
    }

    void send(ProposerMessage message) {
      ClientCallStreamObserver<ProposerMessage> requests = out;
      if (requests != null) {
        requests.onNext(message);
      }
    }

    void cancel() {
      ClientCallStreamObserver<ProposerMessage> requests = out;
      if (requests != null) {
        requests.cancel("ended by the proposer", null);
      }
    }

    @Override
    public void onNext(AcceptorMessage message) {
      owner.received(SafekeeperLink.this, this, message);
    }

    @Override
    public void onError(Throwable failure) {
      owner.ended(SafekeeperLink.this, this, RpcStatus.toException(Status.fromThrowable(failure)));
    }

    @Override
    public void onCompleted() {
      owner.ended(
          SafekeeperLink.this,
          this,
          new StorageException.Transient("%s ended the conversation".formatted(address)));
    }
  }
}
