package io.coppice.compute.proposer;

import io.coppice.common.error.StorageException;
import io.coppice.common.id.Lsn;
import io.coppice.proto.v1.AcceptorMessage;
import io.coppice.proto.v1.ProposerMessage;
import io.coppice.proto.v1.StreamWalResponse;
import io.coppice.safekeeper.client.ReplyCodec;
import io.coppice.safekeeper.client.RequestCodec;
import io.coppice.safekeeper.consensus.Proposer;
import io.coppice.safekeeper.consensus.Reply;
import io.coppice.safekeeper.consensus.Request;
import io.coppice.safekeeper.consensus.TimelineProperties;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The safekeepers of a timeline and the consensus state machine over them. One lock guards all;
 * nothing waits while it is held, and messages go out under it in the order they were made.
 *
 * <p>Each safekeeper is sent what it has room for (gRPC says when, and the safekeeper asks for a
 * limited number of messages): from the WAL in memory, or, if what it needs has left memory, from
 * another safekeeper. A slow one holds up nobody.
 */
final class Quorum implements SafekeeperLink.Owner, DonorFeed.Owner, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Quorum.class);

  /** News of a commit wait so long for WAL that can carry them. */
  private static final long COMMIT_NEWS_DELAY_MILLIS = 2;

  /** The end waits so long at most until safekeepers know what is committed. */
  private static final long LAST_COMMIT_NEWS_WAIT_MILLIS = 500;

  private static final long CAMPAIGN_PAUSE_MILLIS_MIN = 300;
  private static final int CAMPAIGN_PAUSE_MILLIS_SPREAD = 700;
  private static final long DONOR_RETRY_MILLIS = 200;

  /** Told, without the lock, after something has changed. */
  interface Listener {
    void committed(Lsn commitLsn);

    void fenced(long byTerm);
  }

  private final ProposerConfig config;
  private final Listener listener;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final ScheduledExecutorService scheduler =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("proposer-timer").factory());
  private final List<SafekeeperLink> links = new ArrayList<>();
  private final Proposer proposer;

  /** From the moment of being elected. */
  private @Nullable RecentWal recent;

  private boolean commitNewsScheduled;
  private boolean fencedTold;
  private boolean closed;

  Quorum(ProposerConfig config, Listener listener) {
    this.config = config;
    this.listener = listener;
    TimelineProperties properties =
        new TimelineProperties(
            config.timeline(),
            config.pgMajor(),
            config.systemId(),
            config.walSegmentSizeBytes(),
            config.timelineStartLsn());
    int members = config.safekeepers().size();
    this.proposer =
        new Proposer(
            properties,
            0,
            members,
            (member, request) -> links.get(member).send(RequestCodec.toProto(request)));
    for (int i = 0; i < members; i++) {
      links.add(new SafekeeperLink(i, config.safekeepers().get(i), this));
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

  private void scheduleCampaign() {
    long pause = CAMPAIGN_PAUSE_MILLIS_MIN + config.random().nextInt(CAMPAIGN_PAUSE_MILLIS_SPREAD);
    later(
        pause,
        () -> {
          if (!proposer.isLeading() && proposer.fencedBy().isEmpty()) {
            proposer.campaign();
            scheduleCampaign();
          }
        });
  }

  private void later(long delayMillis, Runnable underLock) {
    if (closed) {
      return;
    }
    var _ =
        scheduler.schedule(
            () -> {
              lock.lock();
              try {
                if (!closed) {
                  underLock.run();
                }
              } catch (RuntimeException | Error failure) {
                log.error("proposer of {}: {}", config.timeline(), failure.toString(), failure);
              } finally {
                lock.unlock();
              }
              tellFenced();
            },
            delayMillis,
            TimeUnit.MILLISECONDS);
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
        scheduleCommitNews();
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
    tellFenced();
  }

  private void handle(SafekeeperLink link, Reply reply) throws StorageException {
    boolean wasLeading = proposer.isLeading();
    proposer.handle(link.member(), reply);
    if (proposer.isLeading() && !wasLeading) {
      recent = new RecentWal(proposer.startLsn(), config.recentWalSizeBytesMax());
      log.info(
          "timeline {}: elected in term {}, WAL begins at {}",
          config.timeline(),
          proposer.term(),
          proposer.startLsn());
    }
    switch (reply) {
      case Reply.Following _ -> {
        link.worked();
        links.forEach(this::pump); // it may be the donor that others wait for
      }
      case Reply.Appended _ -> pump(link);
      case Reply.Greeted _, Reply.Vote _ -> {}
    }
  }

  @Override
  public void ready(SafekeeperLink link, SafekeeperLink.Session session) {
    lock.lock();
    try {
      if (!closed && link.isCurrent(session)) {
        pump(link);
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void ended(SafekeeperLink link, SafekeeperLink.Session session, StorageException reason) {
    lock.lock();
    try {
      if (!closed && link.isCurrent(session)) {
        log.info("safekeeper {}: {}", link.address(), reason.getMessage());
        reconnectLater(link, reason);
        changed.signalAll();
      }
    } finally {
      lock.unlock();
    }
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
      RecentWal wal = led();
      wal.trim(proposer.commitLsn());
      while (!closed && wal.isFull() && !proposer.isAllDurable()) {
        changed.await();
        wal.trim(proposer.commitLsn());
      }
      if (closed || !proposer.isLeading()) {
        return;
      }
      wal.add(begin, bytes);
      proposer.extended(wal.end());
      links.forEach(this::pump);
    } finally {
      lock.unlock();
    }
  }

  /** Sends that safekeeper what it lacks, as far as there is room. */
  private void pump(SafekeeperLink link) {
    RecentWal wal = recent;
    while (wal != null && link.isReady()) {
      Optional<Lsn> next = proposer.nextLsn(link.member());
      if (next.isEmpty()) {
        return;
      }
      Lsn from = next.get();
      if (from.isBefore(wal.begin())) {
        if (!pumpFromDonor(link, from)) {
          return;
        }
        continue;
      }
      link.stopFeed();
      Optional<RecentWal.Chunk> chunk = wal.at(from);
      if (chunk.isEmpty()) {
        return;
      }
      sendChunk(link, from, chunk.get());
    }
  }

  private void sendChunk(SafekeeperLink link, Lsn from, RecentWal.Chunk chunk) {
    int offset = (int) from.minus(chunk.begin());
    ByteBuffer data = ByteBuffer.wrap(chunk.bytes(), offset, chunk.bytes().length - offset);
    Request.Append append = proposer.append(link.member(), data);
    ProposerMessage shared = chunk.encoded();
    if (offset == 0 && shared != null) {
      link.setCommitSent(new Lsn(shared.getAppend().getCommitLsn()));
      link.send(shared);
      return;
    }
    ProposerMessage message = RequestCodec.toProto(append);
    if (offset == 0) {
      chunk.encodedAs(message);
    }
    link.setCommitSent(append.commitLsn());
    link.send(message);
  }

  /** Whether a piece was sent on. */
  private boolean pumpFromDonor(SafekeeperLink link, Lsn from) {
    DonorFeed feed = link.feed();
    if (feed == null) {
      OptionalInt donor = proposer.donor(from);
      if (donor.isPresent()) {
        SafekeeperLink source = links.get(donor.getAsInt());
        log.info("safekeeper {} is fed from {} at {}", link.address(), source.address(), from);
        link.setFeed(DonorFeed.start(source, link, config.timeline(), from, proposer.term(), this));
      }
      return false;
    }
    StreamWalResponse piece = feed.poll();
    if (piece == null) {
      return false;
    }
    if (piece.getStartLsn() != from.value()) {
      link.stopFeed();
      return true;
    }
    sendAppend(link, piece.getData().asReadOnlyByteBuffer());
    return true;
  }

  private void sendAppend(SafekeeperLink link, ByteBuffer data) {
    Request.Append append = proposer.append(link.member(), data);
    link.setCommitSent(append.commitLsn());
    link.send(RequestCodec.toProto(append));
  }

  @Override
  public void fed(SafekeeperLink to, DonorFeed feed, StreamWalResponse piece) {
    lock.lock();
    try {
      if (!closed && to.feed() == feed) {
        feed.add(piece);
        pump(to);
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void starved(SafekeeperLink to, DonorFeed feed, StorageException reason) {
    lock.lock();
    try {
      if (!closed && to.feed() == feed) {
        log.info("feed of safekeeper {}: {}", to.address(), reason.getMessage());
        to.stopFeed();
        later(DONOR_RETRY_MILLIS, () -> pump(to));
      }
    } finally {
      lock.unlock();
    }
  }

  /** Commits are news to safekeepers even when there is no WAL to carry them. */
  private void scheduleCommitNews() {
    if (commitNewsScheduled) {
      return;
    }
    commitNewsScheduled = true;
    later(
        COMMIT_NEWS_DELAY_MILLIS,
        () -> {
          commitNewsScheduled = false;
          sendCommitNews();
        });
  }

  private void sendCommitNews() {
    for (SafekeeperLink link : links) {
      if (proposer.nextLsn(link.member()).isPresent()
          && link.commitSent().isBefore(proposer.commitLsn())) {
        sendAppend(link, ByteBuffer.allocate(0));
      }
    }
  }

  /**
   * Tells safekeepers what is committed, and waits a little until they know. Nobody else would tell
   * them before the next proposer does, and only committed WAL goes on to page servers.
   */
  private void spreadLastCommit() {
    if (!proposer.isLeading() || proposer.fencedBy().isPresent()) {
      return;
    }
    sendCommitNews();
    long leftNanos = TimeUnit.MILLISECONDS.toNanos(LAST_COMMIT_NEWS_WAIT_MILLIS);
    try {
      while (leftNanos > 0 && !closed && links.stream().anyMatch(this::awaitsCommitNews)) {
        leftNanos = changed.awaitNanos(leftNanos);
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  private boolean awaitsCommitNews(SafekeeperLink link) {
    return proposer.nextLsn(link.member()).isPresent()
        && proposer.knownCommitLsn(link.member()).isBefore(proposer.commitLsn());
  }

  private void tellFenced() {
    Optional<Long> byTerm;
    lock.lock();
    try {
      byTerm = fencedTold ? Optional.empty() : proposer.fencedBy();
      fencedTold |= byTerm.isPresent();
    } finally {
      lock.unlock();
    }
    byTerm.ifPresent(listener::fenced);
  }

  private RecentWal led() {
    RecentWal wal = recent;
    if (wal == null) {
      throw new IllegalStateException("not elected");
    }
    return wal;
  }

  /** What the election came to. */
  record Mandate(long term, Lsn startLsn) {}

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
      spreadLastCommit();
      closed = true;
      links.forEach(SafekeeperLink::close);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    scheduler.shutdownNow();
  }
}
