package io.coppice.compute.proposer;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.common.rpc.EventLoops;
import io.coppice.proto.v1.AcceptorMessage;
import io.coppice.safekeeper.client.ReplyCodec;
import io.coppice.safekeeper.client.RequestCodec;
import io.coppice.safekeeper.consensus.Proposer;
import io.coppice.safekeeper.consensus.Reply;
import io.coppice.safekeeper.consensus.TimelineProperties;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The safekeepers of a timeline and the consensus state machine over them. One lock guards all;
 * nothing waits while it is held, and messages go out under it in the order they were made. {@link
 * WalPump} sends the WAL.
 */
final class Quorum implements SafekeeperLink.Owner, Turns, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Quorum.class);

  /** Safekeepers that were greeted have so long to answer before no more timelines are made. */
  private static final long CREATE_WAIT_MILLIS = 1_000;

  private static final long CAMPAIGN_PAUSE_MILLIS_MIN = 300;
  private static final int CAMPAIGN_PAUSE_MILLIS_SPREAD = 700;

  /** Told, without the lock, after something has changed. */
  interface Listener {
    void committed(Lsn commitLsn);

    void fenced(long byTerm);

    /** A majority refuses for good to take WAL: the timeline was deleted. */
    void refused(StorageException.Precondition reason);
  }

  private final ProposerConfig config;
  private final Listener listener;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final EventLoops loop = new EventLoops("proposer-quorum", 1);
  private final List<SafekeeperLink> links = new ArrayList<>();
  private final Proposer proposer;
  private final WalPump pump;
  private final CommitNews commitNews;
  private final LostSafekeepers lostSafekeepers;
  private final QuorumWaits waits;

  private boolean campaignScheduled;
  private boolean endTold;
  private boolean closed;

  Quorum(ProposerConfig config, Listener listener) {
    this.config = config;
    this.listener = listener;
    this.waits = new QuorumWaits(config.clock());
    TimelineProperties properties =
        new TimelineProperties(
            config.timeline(),
            config.pgMajor(),
            config.systemId(),
            config.walSegmentSizeBytes(),
            config.timelineStartLsn(),
            config.creation());
    int members = config.safekeepers().size();
    this.proposer =
        new Proposer(
            properties,
            0,
            members,
            (member, request) -> links.get(member).send(RequestCodec.toProto(request)));
    if (config.create()) {
      proposer.startCreating();
    }
    this.pump = new WalPump(config.timeline(), proposer, links, this);
    this.commitNews = new CommitNews(proposer, links, pump, this);
    this.lostSafekeepers = new LostSafekeepers(config.timeline(), proposer, links, this);
    for (int i = 0; i < members; i++) {
      links.add(new SafekeeperLink(i, config.safekeepers().get(i), loop, this));
    }
  }

  /** Connects to all, and campaigns until elected and a quorum knows the start to be committed. */
  Mandate elect() throws StorageException, InterruptedException {
    long deadline = config.clock().monotonicMillis() + config.electionTimeoutMillis();
    lock.lock();
    try {
      links.forEach(this::connect);
      scheduleCampaign();
      while (!proposer.isStartCommitted()) {
        long left = deadline - config.clock().monotonicMillis();
        if (left <= 0) {
          throw new StorageException.Transient(
              "no quorum of safekeepers in %d ms: %s"
                  .formatted(config.electionTimeoutMillis(), failures()));
        }
        checkElectable();
        var _ = changed.await(left, TimeUnit.MILLISECONDS);
      }
      return new Mandate(proposer.term(), proposer.startLsn());
    } finally {
      lock.unlock();
    }
  }

  private void checkElectable() throws StorageException {
    Optional<Long> byTerm = proposer.fencedBy();
    if (byTerm.isPresent()) {
      throw new StorageException.Fenced("a newer proposer was elected, term " + byTerm.get());
    }
    List<StorageException> lasting =
        links.stream()
            .map(SafekeeperLink::lastFailure)
            .flatMap(Optional::stream)
            .filter(failure -> !(failure instanceof StorageException.Transient))
            .toList();
    if (lasting.size() > links.size() - (links.size() / 2 + 1)) {
      throw new StorageException.Precondition(
          "a quorum of safekeepers cannot be had: " + failures());
    }
  }

  private String failures() {
    return links.stream()
        .map(link ->
            link.address()
                + ": "
                + link.lastFailure().map(StorageException::getMessage).orElse("no failure"))
        .collect(Collectors.joining("; "));
  }

  private void connect(SafekeeperLink link) {
    link.connect();
    proposer.connected(link.member());
  }

  /** Campaigns again after a pause, until one campaign comes to an end. */
  private void scheduleCampaign() {
    if (campaignScheduled) {
      return;
    }
    campaignScheduled = true;
    long pause = CAMPAIGN_PAUSE_MILLIS_MIN + config.random().nextInt(CAMPAIGN_PAUSE_MILLIS_SPREAD);
    later(
        pause,
        () -> {
          campaignScheduled = false;
          if (!proposer.isLeading() && proposer.fencedBy().isEmpty()) {
            proposer.campaign();
            scheduleCampaign();
          }
        });
  }

  /**
   * Ends the time in which safekeepers may make the timeline. Those that were greeted and do not
   * answer soon are greeted again: a message that lets one make it must not be under way any more.
   */
  void stopCreating() throws InterruptedException {
    lock.lock();
    try {
      proposer.stopCreating();
      long leftNanos = TimeUnit.MILLISECONDS.toNanos(CREATE_WAIT_MILLIS);
      while (leftNanos > 0 && links.stream().anyMatch(this::awaitsGreeting)) {
        leftNanos = changed.awaitNanos(leftNanos);
      }
      for (SafekeeperLink link : links) {
        if (awaitsGreeting(link)) {
          reconnectLater(link, new StorageException.Transient("did not answer a greeting"));
        }
      }
    } finally {
      lock.unlock();
    }
  }

  private boolean awaitsGreeting(SafekeeperLink link) {
    return proposer.awaitsGreeting(link.member());
  }

  @Override
  public void later(long delayMillis, Runnable underLock) {
    if (closed) {
      return;
    }
    loop.later(
        delayMillis,
        () -> {
          try {
            now(underLock);
          } catch (RuntimeException | Error failure) {
            log.error("proposer of {}: {}", config.timeline(), failure.toString(), failure);
          }
          tellEnd();
        });
  }

  @Override
  public void now(Runnable underLock) {
    lock.lock();
    try {
      if (!closed) {
        underLock.run();
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void received(
      SafekeeperLink link, SafekeeperLink.Session session, AcceptorMessage message) {
    Lsn committed = Lsn.INVALID;
    lock.lock();
    try {
      if (closed || !link.isCurrent(session)) {
        return;
      }
      Lsn before = proposer.commitLsn();
      handle(link, ReplyCodec.fromProto(message));
      if (proposer.commitLsn().isAfter(before)) {
        committed = proposer.commitLsn();
        waits.committed(committed);
        commitNews.schedule();
      }
      changed.signalAll();
    } catch (StorageException refused) {
      log.info("safekeeper {}: {}", link.address(), refused.getMessage());
      reconnectLater(link, refused);
    } finally {
      lock.unlock();
    }
    if (committed.isValid()) {
      listener.committed(committed);
    }
    tellEnd();
  }

  private void handle(SafekeeperLink link, Reply reply) throws StorageException {
    boolean wasLeading = proposer.isLeading();
    int generation = proposer.generation();
    proposer.handle(link.member(), reply);
    if (proposer.generation() > generation) {
      log.info(
          "timeline {}: a safekeeper was rebuilt, generation {}",
          config.timeline(),
          proposer.generation());
      links.forEach(SafekeeperLink::stopFeed);
      scheduleCampaign();
    }
    if (proposer.isLeading() && !wasLeading) {
      elected();
    }
    switch (reply) {
      case Reply.Following _ -> {
        link.follows();
        pump.pumpAll(); // it may be the donor that others wait for
      }
      case Reply.Appended _ -> pump.pump(link);
      case Reply.Greeted _, Reply.Vote _ -> {}
    }
  }

  private void elected() {
    pump.lead(proposer.endLsn(), config.recentWalSizeBytesMax());
    log.info(
        "timeline {}: elected in term {}, WAL begins at {}",
        config.timeline(),
        proposer.term(),
        proposer.startLsn());
  }

  @Override
  public void ready(SafekeeperLink link, SafekeeperLink.Session session) {
    now(() -> {
      if (link.isCurrent(session)) {
        pump.pump(link);
      }
    });
  }

  @Override
  public void ended(SafekeeperLink link, SafekeeperLink.Session session, StorageException reason) {
    now(() -> {
      if (link.isCurrent(session)) {
        log.info("safekeeper {}: {}", link.address(), reason.getMessage());
        reconnectLater(link, reason);
        if (reason instanceof StorageException.NotFound) {
          lostSafekeepers.found(link);
        }
        changed.signalAll();
      }
    });
    tellEnd();
  }

  private void reconnectLater(SafekeeperLink link, StorageException reason) {
    proposer.disconnected(link.member());
    long wait = link.disconnect(reason);
    later(wait, () -> connect(link));
  }

  /** New WAL from Postgres; waits while the memory for it is full of what no quorum has. */
  void extend(Lsn begin, byte[] bytes) throws InterruptedException {
    lock.lock();
    try {
      pump.recent().trim(proposer.commitLsn());
      while (!closed && pump.recent().isFull() && !proposer.isAllDurable()) {
        changed.await();
        pump.recent().trim(proposer.commitLsn());
      }
      if (closed || !proposer.isWriting()) {
        return;
      }
      RecentWal wal = pump.recent();
      wal.add(begin, bytes);
      proposer.extended(wal.end());
      waits.came(wal.end());
      pump.pumpAll();
    } finally {
      lock.unlock();
    }
  }

  private void tellEnd() {
    Optional<Long> byTerm;
    Optional<StorageException.Precondition> refusal;
    lock.lock();
    try {
      if (endTold) {
        return;
      }
      byTerm = proposer.fencedBy();
      refusal = proposer.isLeading() ? refusal() : Optional.empty();
      endTold = byTerm.isPresent() || refusal.isPresent();
    } finally {
      lock.unlock();
    }
    if (byTerm.isPresent()) {
      listener.fenced(byTerm.get());
    } else {
      refusal.ifPresent(listener::refused);
    }
  }

  private Optional<StorageException.Precondition> refusal() {
    List<StorageException.Precondition> refusals =
        links.stream()
            .flatMap(link -> link.lastFailure().stream())
            .filter(StorageException.Precondition.class::isInstance)
            .map(StorageException.Precondition.class::cast)
            .toList();
    return refusals.size() > links.size() / 2 ? Optional.of(refusals.getFirst()) : Optional.empty();
  }

  /** What the election came to. */
  record Mandate(long term, Lsn startLsn) {}

  QuorumWaits waits() {
    return waits;
  }

  /** How many safekeepers have a conversation with us. */
  int connectedCount() {
    lock.lock();
    try {
      return (int) links.stream().filter(SafekeeperLink::isFollowing).count();
    } finally {
      lock.unlock();
    }
  }

  Lsn commitLsn() {
    lock.lock();
    try {
      return proposer.commitLsn();
    } finally {
      lock.unlock();
    }
  }

  Lsn endLsn() {
    lock.lock();
    try {
      return proposer.endLsn();
    } finally {
      lock.unlock();
    }
  }

  /** Ends all conversations, once safekeepers know what they have agreed on. */
  @Override
  public void close() {
    lock.lock();
    try {
      if (closed) {
        return;
      }
      commitNews.spreadLast(changed);
      closed = true;
      links.forEach(SafekeeperLink::close);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    loop.close();
  }
}
